"""Fields that take exactly what they say."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from marshmallow import ValidationError, fields

from chassis.response import json_bytes
from chassis.routing import field_errors
from chassis.schemas import CurrencyCode, Int, MoneySchema, Str, StrictSchema, Timestamp


class Sample(StrictSchema):
    """One field of each kind."""

    text = Str(min=1, max=5)
    number = Int(min=-1, max=10)
    query = Int(from_text=True)
    at = Timestamp()
    currency = CurrencyCode()
    price = fields.Nested(MoneySchema)


@pytest.mark.parametrize(
    ("body", "loaded"),
    [
        ({"text": "  ab\t"}, "ab"),
        ({"text": "北京"}, "北京"),
        ({"number": -1}, -1),
        ({"query": "-12"}, -12),
        ({"query": "9223372036854775807"}, 2**63 - 1),
        ({"query": 7}, 7),
        ({"currency": "GBP"}, "GBP"),
        ({"price": {"amount": 0, "currency": "JPY"}}, {"amount": 0, "currency": "JPY"}),
        ({"at": "2026-01-02T03:04:05Z"}, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ({"at": "2026-01-02T03:04:05.678+08:00"}, datetime(2026, 1, 1, 19, 4, 5, 678000, UTC)),
    ],
    ids=str,
)
def test_what_is_right_is_taken(body: dict[str, Any], loaded: object) -> None:
    assert list(Sample().load(body).values()) == [loaded]


@pytest.mark.parametrize(
    "body",
    [
        {"text": ""},
        {"text": "   "},
        {"text": "abcdef"},
        {"text": "a\x00"},
        {"text": None},
        {"number": True},
        {"number": 1.0},
        {"number": "1"},
        {"number": 11},
        {"query": "1_000"},
        {"query": " 12 "},
        {"query": "１２"},
        {"query": "+1"},
        {"query": "-"},
        {"query": "1" * 20},
        {"query": "9223372036854775808"},
        {"currency": "gbp"},
        {"currency": "XXX"},
        {"currency": "GBP\n"},
        {"price": {"amount": -1, "currency": "GBP"}},
        {"price": {"amount": 1}},
        {"price": 5},
        {"at": "2026-01-02T03:04:05"},
        {"at": "2026-01-02"},
        {"at": "0001-01-01T00:00:00+14:00"},
        {"at": "9999-12-31T23:59:59-14:00"},
        {"at": 1767323045},
        {"at": "soon"},
        {"other": 1},
    ],
    ids=str,
)
def test_what_is_not_right_is_refused_by_its_field(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        Sample().load(body)
    assert [problem["field"].split(".")[0] for problem in field_errors(caught.value.messages)] == [
        *body
    ]


def test_times_are_written_in_utc() -> None:
    local = datetime(2026, 1, 2, 3, 4, 5, 678901, timezone(timedelta(hours=8)))
    assert json_bytes(Sample().dump({"at": local})) == b'{"at":"2026-01-01T19:04:05.678901Z"}'
    assert Sample().dump({"at": None}) == {"at": None}


def test_nested_problems_are_flattened_to_paths() -> None:
    messages = {"items": {0: {"price": {"amount": ["A.", "B."]}}}, "_schema": ["C."], "x": "D."}
    assert field_errors(messages) == [
        {"field": "items.0.price.amount", "message": "A."},
        {"field": "items.0.price.amount", "message": "B."},
        {"field": "", "message": "C."},
        {"field": "x", "message": "D."},
    ]
