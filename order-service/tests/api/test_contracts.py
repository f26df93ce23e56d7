"""What is published fits our schemas; what is understood fits the producers'."""

from typing import Any
from uuid import uuid4

import jsonschema
import pytest

from order_service import events


def validate(data: dict[str, Any], schema: dict[str, Any]) -> None:
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    jsonschema.Draft202012Validator(schema, format_checker=checker).validate(data)


@pytest.fixture
def everything_happened(shop: Any) -> None:
    """Orders that went every way, so that every event has been published."""
    shop.place(1, expected_total={"amount": 1, "currency": "GBP"})
    rejected = shop.place(2)
    shop.send("stock.rejected.v1", shop.messages.stock_rejected(rejected))
    lapsed = shop.placed_and_reserved()
    shop.send("stock.released.v1", shop.messages.stock_released(lapsed))
    delivered = shop.shipped()
    shop.post_as(shop.staff, f"/{delivered['id']}/deliver")
    shop.post_as(shop.staff, f"/{shop.placed_and_paid()['id']}/ship")
    lost = shop.placed_and_paid()
    shop.send("stock.rejected.v1", shop.messages.stock_rejected(lost, "reservation_lost"))
    shop.post(f"/{shop.placed_and_paid()['id']}/cancel", {"reason": "Too late"})


def test_every_published_event_fits_its_schema(
    everything_happened: None, published: Any, event_schema: Any
) -> None:
    recorded = published()

    assert {event.type for event in recorded} == events.PUBLISHES
    for event in recorded:
        validate(event.data, event_schema(event.type))
        assert event.subject == event.data["order_id"]


ORDER = {
    "id": str(uuid4()),
    "customer_id": str(uuid4()),
    "items": [{"product_id": str(uuid4()), "quantity": 2}],
}
PAYMENT = str(uuid4())
# The samples are those that all other tests of this service deliver.
SAMPLES = {
    "stock.reserved.v1": lambda make: make.stock_reserved(ORDER),
    "stock.rejected.v1": lambda make: make.stock_rejected(ORDER),
    "stock.released.v1": lambda make: make.stock_released(ORDER),
    "payment.succeeded.v1": lambda make: make.payment_succeeded(ORDER, amount=500),
    "payment.failed.v1": lambda make: make.payment_failed(ORDER),
    "payment.refunded.v1": lambda make: make.payment_refunded(ORDER, payment_id=PAYMENT, amount=1),
}


def test_there_is_a_sample_of_every_event_that_is_consumed() -> None:
    assert set(SAMPLES) == set(events.CONSUMES)


@pytest.mark.parametrize("event_type", SAMPLES)
def test_the_samples_fit_the_producers_schemas(
    messages: Any, event_schema: Any, event_type: str
) -> None:
    validate(SAMPLES[event_type](messages), event_schema(event_type))


@pytest.mark.parametrize("reason", ["reservation_lost", "cancelled", "price_changed"])
def test_every_reason_that_is_told_apart_is_one_of_the_producers(
    messages: Any, event_schema: Any, reason: str
) -> None:
    validate(messages.stock_rejected(ORDER, reason), event_schema("stock.rejected.v1"))


def test_what_we_pass_on_of_a_rejection_fits_our_schema_for_every_reason(
    event_schema: Any,
) -> None:
    told = set(event_schema("stock.rejected.v1")["properties"]["reason"]["enum"])
    passed_on = set(event_schema("order.rejected.v1")["properties"]["reason"]["enum"])

    assert told - passed_on == {"reservation_lost"}
    assert passed_on <= told
