from typing import Any
from uuid import uuid4

import pytest


def ids(response: Any) -> list[str]:
    assert response.status_code == 200, response.get_json()
    return [order["id"] for order in response.get_json()["data"]]


def test_customers_see_their_own_orders_newest_first(shop: Any, open_shop: Any, app: Any) -> None:
    first, second = shop.place(1), shop.place(1)
    open_shop(app).place(1)

    assert ids(shop.get("")) == [second["id"], first["id"]]


def test_staff_sees_all_orders_and_filters_by_customer(shop: Any, open_shop: Any, app: Any) -> None:
    mine, theirs = shop.place(1), open_shop(app).place(1)

    assert ids(shop.get("", shop.staff)) == [theirs["id"], mine["id"]]
    assert ids(shop.get(f"?customer_id={shop.customer_id}", shop.staff)) == [mine["id"]]


def test_a_customer_cannot_ask_for_somebody_elses_orders(shop: Any) -> None:
    response = shop.get(f"?customer_id={uuid4()}")

    assert (response.status_code, response.get_json()["code"]) == (403, "orders.foreign_filter")
    assert shop.get(f"?customer_id={shop.customer_id}").status_code == 200


def test_orders_are_filtered_by_state_time_and_number(shop: Any, clock: Any) -> None:
    paid, pending = shop.placed_and_paid(), shop.place(1)
    clock.move(60)
    later = shop.place(1)
    moment = later["created_at"]

    assert ids(shop.get("?status=paid")) == [paid["id"]]
    assert ids(shop.get("?status=paid,pending")) == [later["id"], pending["id"], paid["id"]]
    assert ids(shop.get(f"?created_from={moment}")) == [later["id"]]
    assert ids(shop.get(f"?created_to={moment}")) == [pending["id"], paid["id"]]
    assert ids(shop.get(f"?number={paid['number'].lower()}")) == [paid["id"]]
    assert ids(shop.get("?sort=created_at")) == [paid["id"], pending["id"], later["id"]]


def test_pages_have_totals_and_links(shop: Any) -> None:
    orders = [shop.place(1)["id"] for _ in range(3)]

    response = shop.get("?page=2&per_page=2")

    assert ids(response) == [orders[0]]
    assert response.get_json()["meta"]["pagination"]["total"] == 3
    assert 'rel="prev"' in response.headers["Link"]


def test_a_cursor_walks_through_all_orders_once(shop: Any) -> None:
    orders = [shop.place(1)["id"] for _ in range(5)]

    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        response = shop.get(f"?per_page=2&cursor={cursor}")
        seen += ids(response)
        cursor = response.get_json()["meta"]["pagination"]["next_cursor"]

    assert seen == orders[::-1]


def test_a_list_shows_lines_but_no_timeline(shop: Any) -> None:
    shop.placed_and_reserved(2)

    [order] = shop.get("").get_json()["data"]

    assert order["items"][0]["quantity"] == 2
    assert order["total"] == {"amount": 500, "currency": "GBP"}
    assert "timeline" not in order


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=lost", "status"),
        ("status=paid%00", "status"),
        ("created_from=yesterday", "created_from"),
        ("customer_id=1", "customer_id"),
        ("per_page=101", "per_page"),
        ("page=0", "page"),
        ("sort=created_at--", "sort"),
        ("sort=total;drop", "sort"),
        ("colour=red", "colour"),
    ],
)
def test_bad_parameters_are_refused_with_their_name(shop: Any, query: str, field: str) -> None:
    response = shop.get(f"?{query}")

    assert response.status_code == 422
    assert [error["field"] for error in response.get_json()["errors"]] == [field]


def test_an_unknown_expansion_is_refused(shop: Any) -> None:
    order = shop.place(1)

    response = shop.get(f"/{order['id']}?expand=customer")

    assert response.status_code == 422
    assert [error["field"] for error in response.get_json()["errors"]] == ["expand"]
