"""Authorize now, capture later; or let go."""

from collections.abc import Callable
from typing import Any

import pytest

Till = Any
Types = Callable[[], list[str]]


@pytest.fixture
def held(till: Till) -> str:
    """The id of a payment of 1999 that is authorized and not captured."""
    return str(till.pay(method="manual")["id"])


def capture(till: Till, payment_id: str, amount: int | None = None) -> Any:
    members = {} if amount is None else {"amount": amount}
    return till.post(f"/{payment_id}/capture", members, till.staff)


def test_authorization_holds_the_money_and_announces_nothing(
    till: Till, held: str, types: Types
) -> None:
    assert till.status(held) == "authorized"
    assert till.charges(held) == [(1999, 0, 0)]
    assert (till.ledger(held), types()) == ([], [])


def test_capture_takes_the_whole_amount(till: Till, held: str, types: Types) -> None:
    response = capture(till, held)
    assert (response.status_code, response.get_json()["data"]["status"]) == (202, "processing")
    till.work()

    assert till.status(held) == "succeeded"
    assert till.charges(held) == [(1999, 1999, 0)]
    assert till.ledger(held) == [("assets:provider", 1999), ("income:sales", -1999)]
    assert types() == ["payment.succeeded.v1"]
    assert till.broken() == []


def test_partial_capture_announces_what_was_taken(
    till: Till, held: str, published: Callable[[], list[Any]]
) -> None:
    capture(till, held, 1500)
    till.work()

    assert till.payment(held)["captured_amount"] == 1500
    assert till.charges(held) == [(1999, 1500, 0)]
    assert [event.data["amount"] for event in published()] == [1500]
    assert till.refund(held, 1501).status_code == 422
    assert till.broken() == []


@pytest.mark.parametrize(
    ("amount", "status"), [(2000, 422), (0, 422), (-1, 422), (True, 422), (1.0, 422), (2**63, 422)]
)
def test_impossible_amounts_are_refused(
    till: Till, held: str, types: Types, amount: Any, status: int
) -> None:
    assert capture(till, held, amount).status_code == status

    assert till.status(held) == "authorized"
    assert till.charges(held) == [(1999, 0, 0)]
    assert (till.tasks(), types()) == ([], [])


def test_second_capture_is_refused(till: Till, held: str) -> None:
    capture(till, held, 1000)
    during = capture(till, held, 500)
    till.work()
    after = capture(till, held, 500)

    assert [(r.status_code, r.get_json()["code"]) for r in (during, after)] == [
        (409, "payments.illegal_move"),
        (409, "payments.illegal_move"),
    ]
    assert till.charges(held) == [(1999, 1000, 0)]


def test_customer_cancels_an_authorization(till: Till, held: str, types: Types) -> None:
    response = till.post(f"/{held}/cancel")
    assert (response.status_code, response.get_json()["data"]["status"]) == (202, "processing")
    till.work()

    assert till.status(held) == "canceled"
    assert till.rows("SELECT open FROM sandbox_charges") == [(False,)]
    assert (till.charges(held), types()) == ([(1999, 0, 0)], [])
    assert till.post(f"/{held}/cancel").status_code == 202, "it is canceled already"
    assert capture(till, held).status_code == 409
    assert till.broken() == []


def test_payment_that_the_worker_has_not_begun_is_canceled_without_the_provider(
    till: Till,
) -> None:
    order_id = till.order()
    payment_id = till.start(order_id)

    response = till.post(f"/{payment_id}/cancel")
    till.work()

    assert response.get_json()["data"]["status"] == "canceled"
    assert till.status(payment_id) == "canceled"
    assert till.charges(payment_id) == []
    assert till.rows("SELECT count(*) FROM sandbox_requests") == [(0,)]
    till.start(order_id)


def test_payment_that_waits_for_the_customer_is_canceled(till: Till) -> None:
    payment = till.pay("tok_requires_action")

    till.post(f"/{payment['id']}/cancel")

    assert till.status(payment["id"]) == "canceled"
    assert till.payment(payment["id"])["next_action"] is None
    assert till.post(f"/{payment['id']}/confirm").status_code == 409
    assert till.broken() == []


@pytest.mark.parametrize("source", ["tok_success", "tok_declined", "tok_timeout_after"])
def test_payment_that_is_over_or_unknown_is_not_canceled(
    till: Till, types: Types, source: str
) -> None:
    payment = till.pay(source)
    before = types()

    response = till.post(f"/{payment['id']}/cancel")

    assert (response.status_code, response.get_json()["code"]) == (409, "payments.illegal_move")
    assert till.payment(payment["id"]) == payment
    assert (till.tasks(), types()) == ([], before)


def test_charge_that_the_worker_has_begun_is_not_canceled(till: Till) -> None:
    payment_id = till.start(till.order())
    [operation_id] = till.tasks()
    till.claim(operation_id)

    assert till.post(f"/{payment_id}/cancel").status_code == 409
    assert till.status(payment_id) == "processing"
