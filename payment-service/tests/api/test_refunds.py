"""Giving back: partly, wholly, and never more than was captured."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import jsonschema
import pytest

Till = Any
Types = Callable[[], list[str]]


@pytest.fixture
def paid(till: Till) -> str:
    """The id of a payment of 1999 that succeeded."""
    return str(till.pay()["id"])


def requested(till: Till, payment_id: str, amount: int, **members: Any) -> dict[str, Any]:
    """Return refund.requested as order-service sends it."""
    return {
        "refund_id": str(uuid4()),
        "order_id": till.payment(payment_id)["order_id"],
        "payment_id": payment_id,
        "amount": amount,
        "currency": "GBP",
        "reason": "order_cancelled",
        **members,
    }


def refunds(till: Till, payment_id: str) -> list[tuple[int, str]]:
    items = till.get(f"/{payment_id}/refunds").get_json()["data"]
    return [(item["amount"], item["status"]) for item in items]


def test_refund_is_accepted_then_given_and_announced(
    till: Till,
    paid: str,
    published: Callable[[], list[Any]],
    event_schema: Callable[[str], Any],
) -> None:
    response = till.refund(paid, 500)
    assert response.status_code == 202
    assert response.headers["Location"] == f"/api/payments/{paid}/refunds"
    refund = response.get_json()["data"]
    assert (refund["amount"], refund["status"], refund["reason"]) == (500, "pending", "damaged")
    till.work()

    payment = till.payment(paid)
    assert (payment["status"], payment["refunded_amount"]) == ("succeeded", 500)
    assert till.charges(paid) == [(1999, 1999, 500)]
    assert till.ledger(paid)[2:] == [("income:refunds", 500), ("assets:provider", -500)]
    event = published()[-1]
    assert event.type == "payment.refunded.v1"
    assert event.data == {
        "payment_id": paid,
        "order_id": payment["order_id"],
        "customer_id": str(till.customer_id),
        "refund_id": refund["id"],
        "amount": 500,
        "currency": "GBP",
        "refunded_total": 500,
        "reason": "damaged",
    }
    jsonschema.validate(event.data, event_schema(event.type))
    assert till.broken() == []


def test_refund_without_amount_gives_back_all_that_is_left(till: Till, paid: str) -> None:
    till.refund(paid, 500)
    till.refund(paid)
    till.work()

    assert refunds(till, paid) == [(500, "succeeded"), (1499, "succeeded")]
    assert till.charges(paid) == [(1999, 1999, 1999)]
    assert till.broken() == []


def test_pending_refunds_count_against_what_is_left(till: Till, paid: str, types: Types) -> None:
    till.refund(paid, 1500)

    response = till.refund(paid, 500)

    assert response.status_code == 422
    assert response.get_json()["code"] == "payments.refund_exceeds_captured"
    assert response.get_json()["message"] == "499 minor units are left to give back"
    assert refunds(till, paid) == [(1500, "pending")]
    assert types() == ["payment.succeeded.v1"]


def test_nothing_left_is_refused(till: Till, paid: str) -> None:
    till.refund(paid)
    till.work()

    assert till.refund(paid).status_code == 422
    assert till.refund(paid, 1).status_code == 422
    assert till.charges(paid) == [(1999, 1999, 1999)]


@pytest.mark.parametrize(
    "members",
    [
        {"amount": 0, "reason": "x"},
        {"amount": -5, "reason": "x"},
        {"amount": "5", "reason": "x"},
        {"amount": 5},
        {"amount": 5, "reason": "  "},
        {"amount": 5, "reason": "x", "currency": "EUR"},
        {"amount": 5, "reason": "x" * 501},
    ],
)
def test_malformed_refunds_are_refused(till: Till, paid: str, members: dict[str, Any]) -> None:
    response = till.post(f"/{paid}/refunds", members, till.staff, key="k")

    assert response.status_code == 422
    assert refunds(till, paid) == []


@pytest.mark.parametrize("source", ["tok_declined", "tok_requires_action", "tok_timeout_after"])
def test_payment_without_captured_money_is_not_refunded(till: Till, source: str) -> None:
    payment = till.pay(source)

    response = till.refund(payment["id"])

    assert (response.status_code, response.get_json()["code"]) == (409, "payments.illegal_move")
    assert till.tasks() == []


def test_replayed_refund_gives_back_once(till: Till, paid: str) -> None:
    first = till.refund(paid, 300, key="r1")
    till.work()
    second = till.refund(paid, 300, key="r1")
    till.work()

    assert second.get_json()["data"] == first.get_json()["data"]
    assert till.charges(paid) == [(1999, 1999, 300)]


def test_order_service_gets_its_refund_once_however_often_it_asks(
    till: Till, paid: str, types: Types, event_schema: Callable[[str], Any]
) -> None:
    data = requested(till, paid, 1999)
    jsonschema.validate(data, event_schema("refund.requested.v1"))
    till.send("refund.requested.v1", data)
    till.send("refund.requested.v1", data)
    till.work()
    till.send("refund.requested.v1", data)
    till.work()

    assert refunds(till, paid) == [(1999, "succeeded")]
    assert till.charges(paid) == [(1999, 1999, 1999)]
    assert types() == ["payment.succeeded.v1", "payment.refunded.v1"]
    assert till.broken() == []


def test_order_service_gets_what_staff_has_left(till: Till, paid: str) -> None:
    till.refund(paid, 1500)
    till.send("refund.requested.v1", requested(till, paid, 1999))
    till.work()

    assert refunds(till, paid) == [(1500, "succeeded"), (499, "succeeded")]
    assert till.charges(paid) == [(1999, 1999, 1999)]
    assert till.broken() == []


def test_request_that_cannot_be_met_stays_on_record(till: Till, paid: str, types: Types) -> None:
    till.send("refund.requested.v1", requested(till, paid, 1999, currency="EUR"))
    till.refund(paid)
    till.work()
    till.send("refund.requested.v1", requested(till, paid, 100))

    items = till.get(f"/{paid}/refunds").get_json()["data"]
    assert [(item["status"], item["failure_code"]) for item in items] == [
        ("failed", "currency_mismatch"),
        ("succeeded", None),
        ("failed", "nothing_left"),
    ]
    assert types() == ["payment.succeeded.v1", "payment.refunded.v1"]
    assert till.broken() == []


def test_request_about_an_unknown_payment_is_ignored(till: Till, paid: str, types: Types) -> None:
    data = requested(till, paid, 1999)
    till.send("refund.requested.v1", {**data, "payment_id": str(uuid4())})

    assert till.tasks() == []
    assert till.rows("SELECT count(*) FROM refunds") == [(0,)]
    assert types() == ["payment.succeeded.v1"]
