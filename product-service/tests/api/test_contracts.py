"""What this service publishes and consumes, against the schemas of the contracts."""

import json
from pathlib import Path
from uuid import uuid4

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from chassis.database import transaction
from product_service import events
from product_service.models.reservations import RejectionReason
from product_service.services.reservations import expire_reservations

CONTRACTS = Path(__file__).parents[2] / "contracts" / "events"


def check(schema, data):
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(data)


def test_every_published_type_has_a_contract():
    assert {path.stem for path in CONTRACTS.glob("*.json")} == events.PUBLISHES
    for path in CONTRACTS.glob("*.json"):
        Draft202012Validator.check_schema(json.loads(path.read_text(encoding="utf-8")))


def test_every_reason_of_a_rejection_is_in_the_contract(event_schema):
    reasons = event_schema("stock.rejected.v1")["properties"]["reason"]["enum"]
    assert set(reasons) == {reason.value for reason in RejectionReason}


def test_what_is_published_keeps_the_contract(
    app, client, staff, make_product, place, pay, cancel, clock, published, event_schema
):
    cup, euro = make_product(stock=5), make_product(currency="EUR")
    place((cup, 1), (euro, 1))
    place((cup, 99))
    place(({"id": str(uuid4())}, 1))
    place((cup, 1), expected={"amount": 1, "currency": "GBP"})
    cancel(place((cup, 1)))
    late = place((cup, 5))
    clock.move(1201)
    with app.app_context(), transaction() as session:
        expire_reservations(session)
    pay(place((cup, 1)))
    pay(late)
    client.delete(f"/api/products/{cup['id']}", headers={**staff, "If-Match": '"1"'})
    told = published()
    assert {event.type for event in told} == events.PUBLISHES
    for event in told:
        check(event_schema(event.type), event.data)
        expected = (
            event.data["product_id"] if "product_id" in event.data else event.data["order_id"]
        )
        assert event.subject == expected


@pytest.mark.parametrize("event_type", sorted(events.CONSUMES))
def test_what_is_consumed_keeps_the_producers_contract(event_schema, event_type):
    order = {"order_id": str(uuid4()), "customer_id": str(uuid4())}
    called = {**order, "number": "MF5VM-XG47D"}
    samples = {
        "order.placed.v1": {
            **order,
            "items": [{"product_id": str(uuid4()), "quantity": 2}],
            "expected_total": {"amount": 200, "currency": "GBP"},
        },
        "order.paid.v1": {**called, "payment_id": str(uuid4()), "amount": 200, "currency": "GBP"},
        "order.cancelled.v1": {**called, "reason": "requested"},
        "order.expired.v1": called,
    }
    check(event_schema(event_type), samples[event_type])
