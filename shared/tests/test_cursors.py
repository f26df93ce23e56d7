"""Cursors: what we made comes back exactly, anything else is a 400."""

import base64
import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from demo_service.models import Widget
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Boolean, Date, DateTime, Float, Integer, Numeric, Text, Uuid, column

from chassis import cursors
from chassis.cursors import BadCursor, NotSortable

ID = UUID("0199f3a0-0000-7000-8000-000000000001")
ORDER = [(Widget.name, "asc"), (Widget.id, "asc")]


def forge(document: Any, order: list[tuple[Any, str]]) -> str:
    """Make a cursor with a right checksum, as an attacker who knows the code can."""
    payload = json.dumps(document).encode()
    raw = cursors._digest(payload, order) + payload
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Text(), "Größe 北京"),
        (Integer(), -(2**63)),
        (Float(), 1.5),
        (Numeric(12, 2), Decimal("12.30")),
        (Boolean(), True),
        (Uuid(), ID),
        (DateTime(timezone=True), datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)),
        (DateTime(timezone=True), datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=8)))),
        (Date(), date(2026, 1, 2)),
        (Integer(), None),
    ],
)
def test_values_come_back_as_they_went(kind: Any, value: object) -> None:
    order = [(column("position", kind), "asc")]
    assert cursors.decode(cursors.encode([value], order), order) == [value]


@pytest.mark.parametrize(
    "order",
    [
        [(Widget.name, "desc"), (Widget.id, "desc")],
        [(Widget.note, "asc"), (Widget.id, "asc")],
        [(Widget.id, "asc"), (Widget.name, "asc")],
        [(Widget.name, "asc")],
    ],
    ids=["other direction", "other column", "other order", "fewer columns"],
)
def test_a_cursor_of_another_list_is_refused(order: list[tuple[Any, str]]) -> None:
    with pytest.raises(BadCursor):
        cursors.decode(cursors.encode(["a", ID], ORDER), order)


@given(st.data())
def test_a_changed_cursor_is_refused(data: st.DataObject) -> None:
    good = cursors.encode(["name", ID], ORDER)
    # The last character of unpadded base64 has bits that mean nothing.
    at = data.draw(st.integers(0, len(good) - 2))
    other = data.draw(st.sampled_from("ABCxyz019-_").filter(lambda found: found != good[at]))
    with pytest.raises(BadCursor):
        cursors.decode(good[:at] + other + good[at + 1 :], ORDER)


@given(st.text(max_size=60))
def test_garbage_is_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        cursors.decode(text, ORDER)


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        None,
        ["a"],
        ["a", str(ID), 1],
        [1, str(ID)],
        ["a", 1],
        ["a\x00", str(ID)],
        ["a", "no id"],
        [["a"], str(ID)],
        [{}, str(ID)],
        ["\ud800", str(ID)],
    ],
    ids=repr,
)
def test_a_forged_cursor_of_wrong_types_is_refused(document: Any) -> None:
    with pytest.raises(BadCursor):
        cursors.decode(forge(document, ORDER), ORDER)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Integer(), 2**63),
        (Integer(), True),
        (Integer(), 1.0),
        (Float(), "1"),
        (Numeric(), "NaN"),
        (Numeric(), "1e999999"),
        (Numeric(), "x"),
        (Boolean(), 1),
        (DateTime(timezone=True), "2026-01-02T03:04:05"),
        (DateTime(timezone=True), "yesterday"),
        (Date(), "2026-13-01"),
    ],
)
def test_a_forged_value_out_of_its_type_is_refused(kind: Any, value: object) -> None:
    order = [(column("position", kind), "asc")]
    with pytest.raises(BadCursor):
        cursors.decode(forge([value], order), order)


def test_a_column_whose_type_cannot_be_read_is_a_defect() -> None:
    order = [(column("position", Widget.__table__.c.id.type.with_variant(Text(), "x")), "asc")]
    assert cursors.decode(cursors.encode([ID], order), order) == [ID]
    from sqlalchemy import LargeBinary

    with pytest.raises(NotSortable, match="position"):
        binary = [(column("position", LargeBinary()), "asc")]
        cursors.decode(cursors.encode(["x"], binary), binary)


@pytest.mark.parametrize(
    "cursor", ["x", "AAAA", "%00", "%F0%9F%98%80", "A" * 2048, "....", "-_-_", "W1tbW1tb"]
)
def test_a_bad_cursor_over_http_is_a_400_with_its_code(client: FlaskClient, cursor: str) -> None:
    answer = client.get(f"/api/demo/?cursor={cursor}")
    if cursor == "%00":
        assert answer.status_code == 422
        return
    assert (answer.status_code, answer.json["code"]) == (400, "pagination.bad_cursor")


def test_a_forged_cursor_reaches_the_database_only_as_a_value(client: FlaskClient) -> None:
    forged = forge(["'; DROP TABLE widgets; --", str(ID)], ORDER)
    assert client.get(f"/api/demo/?cursor={forged}").json["data"] == []
    assert client.get("/api/demo/").status_code == 200
