"""Every source of the sandbox, from the request to the final state."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jsonschema
import pytest

Till = Any
Types = Callable[[], list[str]]


def test_success_captures_and_is_announced(
    till: Till, published: Callable[[], list[Any]], event_schema: Callable[[str], Any]
) -> None:
    payment = till.pay("tok_success", 1999)

    assert payment["status"] == "succeeded"
    assert (payment["captured_amount"], payment["refunded_amount"]) == (1999, 0)
    assert [(a["kind"], a["outcome"]) for a in payment["attempts"]] == [("charge", "approved")]
    assert till.charges(payment["id"]) == [(1999, 1999, 0)]
    assert till.ledger(payment["id"]) == [("assets:provider", 1999), ("income:sales", -1999)]
    [event] = published()
    assert event.type == "payment.succeeded.v1"
    assert event.subject == payment["id"]
    assert event.data == {
        "payment_id": payment["id"],
        "order_id": payment["order_id"],
        "customer_id": str(till.customer_id),
        "amount": 1999,
        "currency": "GBP",
    }
    jsonschema.validate(event.data, event_schema(event.type))


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("tok_declined", "card_declined"),
        ("tok_insufficient_funds", "insufficient_funds"),
        ("tok_no_such_thing", "invalid_source"),
    ],
)
def test_refusal_fails_the_payment_and_frees_the_order(
    till: Till,
    published: Callable[[], list[Any]],
    event_schema: Callable[[str], Any],
    source: str,
    code: str,
) -> None:
    order_id = till.order()
    payment_id = till.start(order_id, source)
    till.work()

    payment = till.payment(payment_id)
    assert payment["status"] == "failed"
    assert payment["failure"]["code"] == code
    assert till.charges(payment_id) == []
    assert till.ledger(payment_id) == []
    [event] = published()
    assert (event.type, event.data["code"]) == ("payment.failed.v1", code)
    jsonschema.validate(event.data, event_schema(event.type))
    again = till.start(order_id)
    till.work()
    assert till.status(again) == "succeeded"
    assert till.broken() == []


def test_slow_provider_is_waited_for(till: Till) -> None:
    assert till.pay("tok_slow")["status"] == "succeeded"


@pytest.mark.parametrize(
    ("method", "status", "books"),
    [("automatic", "succeeded", (1999, 1999, 0)), ("manual", "authorized", (1999, 0, 0))],
)
def test_action_is_required_then_confirmed(
    till: Till, types: Types, method: str, status: str, books: tuple[int, int, int]
) -> None:
    payment = till.pay("tok_requires_action", method=method)
    assert payment["status"] == "requires_action"
    assert payment["next_action"]["type"] == "redirect"
    assert payment["next_action"]["url"].startswith("https://sandbox.invalid/actions/act_")
    assert (till.charges(payment["id"]), types()) == ([], [])

    response = till.post(f"/{payment['id']}/confirm")
    assert response.status_code == 202
    assert response.get_json()["data"]["status"] == "processing"
    assert response.get_json()["data"]["next_action"] is None
    till.work()

    assert till.status(payment["id"]) == status
    assert till.charges(payment["id"]) == [books]
    assert till.broken() == []


def test_confirming_twice_charges_once(till: Till) -> None:
    payment = till.pay("tok_requires_action")
    first = till.post(f"/{payment['id']}/confirm")
    second = till.post(f"/{payment['id']}/confirm")
    till.work()
    third = till.post(f"/{payment['id']}/confirm")

    assert [r.status_code for r in (first, second, third)] == [202, 202, 202]
    assert third.get_json()["data"]["status"] == "succeeded"
    assert till.tasks() == []
    assert till.charges(payment["id"]) == [(1999, 1999, 0)]


def test_confirming_what_needs_no_confirmation_is_refused(till: Till, types: Types) -> None:
    payment = till.pay("tok_success")

    response = till.post(f"/{payment['id']}/confirm")

    assert response.status_code == 409
    assert response.get_json()["code"] == "payments.illegal_move"
    assert till.payment(payment["id"])["version"] == payment["version"]
    assert types() == ["payment.succeeded.v1"]


def test_timeout_after_the_charge_is_found_and_never_charged_again(
    till: Till, clock: Any, types: Types
) -> None:
    payment = till.pay("tok_timeout_after")
    assert payment["status"] == "unknown"
    assert till.charges(payment["id"]) == [(1999, 1999, 0)]
    assert (till.ledger(payment["id"]), types()) == ([], [])
    assert till.sweep() == 0, "the lookup has its time"

    clock.move(till.timing.lookup_interval.total_seconds())
    assert till.sweep() == 1

    payment = till.payment(payment["id"])
    assert payment["status"] == "succeeded"
    outcomes = [attempt["outcome"] for attempt in payment["attempts"]]
    assert outcomes == ["timed_out", "approved"]
    assert till.charges(payment["id"]) == [(1999, 1999, 0)]
    assert types() == ["payment.succeeded.v1"]
    assert till.broken() == []


def test_timeout_before_the_charge_fails_only_after_the_grace_period(
    till: Till, clock: Any, types: Types
) -> None:
    order_id = till.order()
    payment_id = till.start(order_id, "tok_timeout_before")
    till.work()
    clock.move(till.timing.lookup_interval.total_seconds())
    till.sweep()
    assert till.status(payment_id) == "unknown", "it may still arrive at the provider"
    assert types() == []

    clock.move(till.timing.grace.total_seconds())
    till.sweep()

    payment = till.payment(payment_id)
    assert payment["status"] == "failed"
    assert payment["failure"]["code"] == "provider_timeout"
    assert till.charges(payment_id) == []
    assert types() == ["payment.failed.v1"]
    again = till.start(order_id)
    till.work()
    assert till.status(again) == "succeeded"
    assert till.broken() == []


def test_an_unknown_payment_keeps_the_order_from_being_paid_again(till: Till, types: Types) -> None:
    order_id = till.order()
    till.start(order_id, "tok_timeout_after")
    till.work()

    body = {"order_id": order_id, "source": "tok_success"}
    response = till.post("", body, key="second")

    assert response.status_code == 409
    assert response.get_json()["code"] == "payments.payment_exists"
    assert (till.tasks(), types()) == ([], [])


def test_provider_slower_than_its_timeout_leaves_the_outcome_unknown(
    till: Till, clock: Any
) -> None:
    slow = type(till.provider)(
        till.app.config["SETTINGS"].database_url, timeout=0.02, slow_seconds=0.03
    )
    sandbox, till.provider = till.provider, slow
    payment = till.pay("tok_slow")
    slow.dispose()
    till.provider = sandbox

    assert payment["status"] == "unknown"
    clock.move(timedelta(seconds=2).total_seconds())
    till.sweep()
    assert till.status(payment["id"]) == "succeeded"
    assert till.charges(payment["id"]) == [(1999, 1999, 0)]
