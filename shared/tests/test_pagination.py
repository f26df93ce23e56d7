"""Pages by number and by cursor, over HTTP and on the query."""

from collections.abc import Callable
from typing import Any

import pytest
from demo_service.models import Widget
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.exceptions import Unprocessable
from chassis.pagination import paginate, parse_sort
from chassis.routing import page_url

Fill = Callable[..., list[Widget]]


@pytest.fixture
def fill(session: Session) -> Fill:
    """Make widgets with these names, and ranks in the same order."""

    def make(*names: str, ranks: tuple[int | None, ...] = ()) -> list[Widget]:
        widgets = [
            Widget(name=name, rank=rank)
            for name, rank in zip(names, ranks or [None] * len(names), strict=True)
        ]
        session.add_all(widgets)
        session.flush()
        return widgets

    return make


def names(answer: Any) -> list[str]:
    return [item["name"] for item in answer.json["data"]]


def test_a_page_by_number_carries_totals_and_links(fill: Fill, client: FlaskClient) -> None:
    fill(*"abcde")
    answer = client.get("/api/demo/?page=2&per_page=2&min_quantity=0")
    assert names(answer) == ["c", "d"]
    expected = {"page": 2, "per_page": 2, "total": 5, "pages": 3}
    assert answer.json["meta"]["pagination"] == expected
    query = "per_page=2&min_quantity=0"
    assert answer.headers["Link"] == ", ".join(
        f'</api/demo/?page={page}&{query}>; rel="{rel}"'
        for rel, page in (("first", 1), ("last", 3), ("prev", 1), ("next", 3))
    )


def test_links_are_encoded_as_headers_need_it(app: Flask) -> None:
    with app.test_request_context("/api/demo/%E5%8C%97%0A/list?q=%E4%BA%AC%0A&page=1"):
        url = page_url({"page": "2"})
    assert url == "/api/demo/%E5%8C%97%0A/list?q=%E4%BA%AC%0A&page=2"


@pytest.mark.parametrize("page", [4, 10**6, 2**62, 2**63 - 1])
def test_a_page_beyond_the_end_is_empty(fill: Fill, client: FlaskClient, page: int) -> None:
    fill("a")
    answer = client.get(f"/api/demo/?page={page}&per_page=100")
    assert (answer.status_code, answer.json["data"]) == (200, [])
    assert answer.json["meta"]["pagination"]["total"] == 1
    assert 'page=1&per_page=100>; rel="prev"' in answer.headers["Link"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("page=0", "page"),
        ("page=-1", "page"),
        ("page=1.5", "page"),
        ("page=%EF%BC%91", "page"),
        ("page=9223372036854775808", "page"),
        ("page=" + "9" * 5000, "page"),
        ("page=", "page"),
        ("per_page=0", "per_page"),
        ("per_page=101", "per_page"),
        ("sort=quantity", "sort"),
        ("sort=name;drop%20table%20widgets", "sort"),
        ("sort=name%20desc,(select%20pg_sleep(5))", "sort"),
        ("sort=created_at--", "sort"),
        ("sort=--name", "sort"),
        ("sort=name,-name", "sort"),
        ("colour=red", "colour"),
    ],
)
def test_a_bad_parameter_is_named(client: FlaskClient, query: str, field: str) -> None:
    answer = client.get(f"/api/demo/?{query}")
    assert answer.status_code == 422, answer.json
    assert [problem["field"] for problem in answer.json["errors"]] == [field]


def walk(client: FlaskClient, query: str) -> list[list[str]]:
    """Follow `next_cursor` to the end; returns the names of each page."""
    pages, cursor = [], ""
    while cursor is not None:
        answer = client.get(f"/api/demo/?per_page=2&cursor={cursor}&{query}")
        assert answer.status_code == 200, answer.json
        pages.append(names(answer))
        cursor = answer.json["meta"]["pagination"]["next_cursor"]
    return pages


@pytest.mark.parametrize(
    ("sort", "pages"),
    [
        ("name", [["a", "b"], ["c", "d"], ["e"]]),
        ("-name", [["e", "d"], ["c", "b"], ["a"]]),
        ("rank,name", [["c", "e"], ["a", "b"], ["d"]]),
        ("-rank,name", [["b", "d"], ["a", "c"], ["e"]]),
        ("-rank,-name", [["d", "b"], ["a", "e"], ["c"]]),
        ("rank", [["c", "e"], ["a", "b"], ["d"]]),
    ],
)
def test_cursors_walk_every_row_once(
    fill: Fill, client: FlaskClient, sort: str, pages: list[list[str]]
) -> None:
    # NULL is the largest value to PostgreSQL: last when ascending, first when descending.
    fill(*"abcde", ranks=(2, None, 1, None, 1))
    assert walk(client, f"sort={sort}") == pages


def test_a_row_that_comes_or_goes_between_pages_shifts_nothing(
    fill: Fill, client: FlaskClient, session: Session
) -> None:
    widgets = fill(*"bcdef")
    first = client.get("/api/demo/?per_page=2&cursor=")
    session.delete(widgets[0])
    fill("a")
    following = client.get(first.headers["Link"].split("<")[-1].split(">")[0])
    assert (names(first), names(following)) == (["b", "c"], ["d", "e"])


def test_the_last_page_by_cursor_says_so(fill: Fill, client: FlaskClient) -> None:
    fill("a", "b")
    answer = client.get("/api/demo/?per_page=2&cursor=")
    expected = {"per_page": 2, "has_more": False, "next_cursor": None}
    assert answer.json["meta"]["pagination"] == expected
    assert 'rel="next"' not in answer.headers["Link"]


def test_parse_sort_takes_the_default_and_refuses_the_unknown() -> None:
    allowed = {"name": Widget.name, "rank": Widget.rank}
    assert parse_sort(None, allowed=allowed) == []
    assert parse_sort("", allowed=allowed, default="-rank") == [(Widget.rank, "desc")]
    assert parse_sort("-rank,name", allowed=allowed) == [
        (Widget.rank, "desc"),
        (Widget.name, "asc"),
    ]
    with pytest.raises(Unprocessable) as caught:
        parse_sort("id", allowed=allowed)
    assert caught.value.errors == [{"field": "sort", "message": "Must be of: name, rank."}]


def test_without_a_total_the_page_says_whether_there_is_more(fill: Fill, session: Session) -> None:
    fill(*"abc")
    first = paginate(session, select(Widget), {"page": 1, "per_page": 2}, total=False)
    assert [widget.name for widget in first.items] == ["a", "b"]
    assert first.meta == {"pagination": {"page": 1, "per_page": 2, "has_more": True}}
    assert first.links == {"first": {"page": "1"}, "next": {"page": "2"}}
    second = paginate(session, select(Widget), {"page": 2, "per_page": 2}, total=False)
    assert [widget.name for widget in second.items] == ["c"]
    assert second.links == {"first": {"page": "1"}, "prev": {"page": "1"}}
    beyond = paginate(session, select(Widget), {"page": 2**62, "per_page": 100}, total=False)
    assert beyond.items == []


def test_rows_of_several_columns_keep_their_names(fill: Fill, session: Session) -> None:
    fill(*"abc")
    columns = select(Widget.name, Widget.quantity)
    by_number = paginate(session, columns, {"per_page": 2})
    by_cursor = paginate(session.connection(), columns, {"per_page": 2, "cursor": ""})
    for page in (by_number, by_cursor):
        assert [(row.name, row.quantity) for row in page.items] == [("a", 0), ("b", 0)]


def test_the_order_is_total_even_where_the_sort_is_not(fill: Fill, session: Session) -> None:
    fill(*"abc", ranks=(1, 1, 1))
    key = parse_sort("-rank", allowed={"rank": Widget.rank})
    page = paginate(session, select(Widget), {}, sort=key)
    ids = [widget.id for widget in page.items]
    assert ids == sorted(ids, reverse=True)
