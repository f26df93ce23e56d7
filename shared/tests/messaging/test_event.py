"""Events as CloudEvents 1.0 JSON."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
import pytest

from chassis.messaging.event import Event, MalformedEvent, check_type

EVENT = Event(
    id=UUID("01930000-0000-7000-8000-000000000001"),
    type="order.placed.v1",
    source="/orders",
    subject="42",
    time=datetime(2026, 1, 2, 3, 4, 5, 678901, UTC),
    data={"amount": 9_007_199_254_740_993, "name": "茶 ☕"},
    sequence=17,
    request_id="request-0001",
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
)


def test_event_is_written_with_the_attributes_of_the_specification() -> None:
    assert orjson.loads(EVENT.to_cloudevent()) == {
        "specversion": "1.0",
        "id": "01930000-0000-7000-8000-000000000001",
        "type": "order.placed.v1",
        "source": "/orders",
        "subject": "42",
        "time": "2026-01-02T03:04:05.678901Z",
        "datacontenttype": "application/json",
        "sequence": "17",
        "requestid": "request-0001",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "data": {"amount": 9_007_199_254_740_993, "name": "茶 ☕"},
    }


def test_event_comes_back_as_it_was() -> None:
    assert Event.from_cloudevent(EVENT.to_cloudevent()) == EVENT


def test_ids_that_are_unknown_are_left_out() -> None:
    document = orjson.loads(EVENT.to_cloudevent())
    del document["requestid"], document["traceparent"]
    parsed = Event.from_cloudevent(orjson.dumps(document))
    assert (parsed.request_id, parsed.traceparent) == (None, None)
    assert orjson.loads(parsed.to_cloudevent()) == document


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("specversion", "0.3"),
        ("specversion", None),
        ("datacontenttype", "text/xml"),
        ("id", "{01930000-0000-7000-8000-000000000001}"),
        ("id", "x" * 36),
        ("id", 7),
        ("type", "order.placed"),
        ("type", "Order.placed.v1"),
        ("type", "order.placed.v0"),
        ("source", ""),
        ("subject", None),
        ("time", "2026-01-02T03:04:05"),
        ("time", "yesterday"),
        ("time", 1767323045),
        ("data", [1]),
        ("data", None),
        ("sequence", 17),
        ("sequence", "-1"),
        ("requestid", 5),
        ("traceparent", ""),
    ],
)
def test_a_wrong_attribute_is_malformed_and_named(attribute: str, value: Any) -> None:
    document = {**orjson.loads(EVENT.to_cloudevent()), attribute: value}
    with pytest.raises(MalformedEvent, match=f"^{attribute} "):
        Event.from_cloudevent(orjson.dumps(document))


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"[]", b"null", b'{"data": NaN}', b"[" * 100_000]
)
def test_what_is_not_a_json_object_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedEvent, match=r"^not "):
        Event.from_cloudevent(body)


def test_types_have_a_version() -> None:
    assert check_type("order.awaiting_payment.v2") == "order.awaiting_payment.v2"
    with pytest.raises(MalformedEvent):
        check_type("order.placed")
