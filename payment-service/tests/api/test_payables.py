"""What order-service says about its orders, in any order and any number of times."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import jsonschema
import pytest

Till = Any
Types = Callable[[], list[str]]


def payables(till: Till) -> list[tuple[Any, ...]]:
    return till.rows("SELECT status, amount, closed_reason FROM payables")


def test_samples_fit_the_schemas_of_order_service(
    till: Till, event_schema: Callable[[str], Any]
) -> None:
    ended = {
        "order_id": str(uuid4()),
        "customer_id": str(till.customer_id),
        "number": "MF5VM-XG47D",
    }
    for type_, data in [
        ("order.awaiting_payment.v1", till.payable()),
        ("order.cancelled.v1", {**ended, "reason": "requested"}),
        ("order.expired.v1", ended),
    ]:
        jsonschema.validate(data, event_schema(type_))


def test_announced_twice_is_payable_once(till: Till) -> None:
    data = till.payable(700)
    till.send("order.awaiting_payment.v1", data)
    till.send("order.awaiting_payment.v1", {**data, "amount": 1})

    assert payables(till) == [("open", 700, None)]


@pytest.mark.parametrize("how", ["cancelled", "expired"])
def test_end_that_comes_before_the_announcement_leaves_a_tombstone(till: Till, how: str) -> None:
    data = till.payable()
    till.close(data["order_id"], how)
    till.close(data["order_id"], how)
    till.send("order.awaiting_payment.v1", data)

    assert payables(till) == [("closed", None, how)]
    body = {"order_id": data["order_id"], "source": "tok_success"}
    assert till.post("", body, key="k").status_code == 409


def test_first_reason_of_the_end_stays(till: Till) -> None:
    order_id = till.order()
    till.close(order_id, "expired")
    till.close(order_id, "cancelled")

    assert payables(till) == [("closed", 1999, "expired")]


def test_unknown_currency_is_not_taken(till: Till) -> None:
    with pytest.raises(Exception, match="ISO 4217"):
        till.order(currency="XXX")

    assert payables(till) == []


def test_end_of_the_order_releases_an_authorization(till: Till, types: Types) -> None:
    payment = till.pay(method="manual")
    till.close(payment["order_id"], "expired")
    till.work()

    assert till.status(payment["id"]) == "canceled"
    assert till.rows("SELECT captured, open FROM sandbox_charges") == [(0, False)]
    assert types() == []
    assert till.broken() == []


def test_end_of_the_order_cancels_a_payment_that_waits_for_the_customer(till: Till) -> None:
    payment = till.pay("tok_requires_action")
    till.close(payment["order_id"])

    assert till.status(payment["id"]) == "canceled"
    assert till.post(f"/{payment['id']}/confirm").status_code == 409
    assert till.tasks() == []


def test_end_of_the_order_stops_a_charge_that_has_not_begun(till: Till, types: Types) -> None:
    payment_id = till.start(till.order())
    till.close(till.payment(payment_id)["order_id"])
    till.work()

    assert till.status(payment_id) == "canceled"
    assert (till.charges(payment_id), types()) == ([], [])


def test_charge_that_has_begun_comes_through_and_is_given_back_on_request(
    till: Till, clock: Any, types: Types
) -> None:
    payment = till.pay("tok_timeout_after")
    till.close(payment["order_id"])
    assert till.status(payment["id"]) == "unknown"
    clock.move(2)
    till.sweep()
    assert till.status(payment["id"]) == "succeeded"

    request = {
        "refund_id": str(uuid4()),
        "order_id": payment["order_id"],
        "payment_id": payment["id"],
        "amount": 1999,
        "currency": "GBP",
        "reason": "order_cancelled",
    }
    till.send("refund.requested.v1", request)
    till.work()

    assert till.charges(payment["id"]) == [(1999, 1999, 1999)]
    assert types() == ["payment.succeeded.v1", "payment.refunded.v1"]
    assert till.broken() == []


@pytest.mark.parametrize("source", ["tok_timeout_after", "tok_requires_action"])
def test_authorization_that_is_found_after_the_end_is_released(
    till: Till, clock: Any, types: Types, source: str
) -> None:
    payment_id = till.start(till.order(), source, "manual")
    [operation_id] = till.tasks()
    till.call(till.claim(operation_id))
    till.close(till.payment(payment_id)["order_id"])
    assert till.status(payment_id) == "processing"

    clock.move(till.timing.lease.total_seconds())
    till.sweep()
    till.work()

    assert till.status(payment_id) == "canceled"
    assert till.rows("SELECT captured, open FROM sandbox_charges WHERE open") == []
    assert types() == []
    assert till.broken() == []
