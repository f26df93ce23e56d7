"""A worker that dies anywhere: the sweep finishes its work, and the witness counts one charge."""

from collections.abc import Callable
from typing import Any

import pytest

Till = Any
Types = Callable[[], list[str]]


def begin(till: Till, kind: str) -> str:
    """Write an operation of this kind that no worker has begun; return the payment's id."""
    if kind in ("charge", "authorize"):
        method = "automatic" if kind == "charge" else "manual"
        return str(till.start(till.order(), "tok_success", method))
    if kind == "refund":
        payment_id = till.pay()["id"]
        till.refund(payment_id, 700)
        return str(payment_id)
    payment_id = till.pay(method="manual")["id"]
    till.post(f"/{payment_id}/{kind}", {}, till.staff)
    return str(payment_id)


DONE = {
    "charge": ("succeeded", (1999, 1999, 0)),
    "authorize": ("authorized", (1999, 0, 0)),
    "capture": ("succeeded", (1999, 1999, 0)),
    "cancel": ("canceled", (1999, 0, 0)),
    "refund": ("succeeded", (1999, 1999, 700)),
}
KINDS = list(DONE)


@pytest.mark.parametrize("kind", KINDS)
def test_lost_task_is_found_by_the_sweep(till: Till, clock: Any, kind: str) -> None:
    payment_id = begin(till, kind)
    assert len(till.tasks()) == 1, "and it never arrives"
    assert till.sweep() == 0, "the task has its head start"

    clock.move(3)
    assert till.sweep() == 1

    assert (till.status(payment_id), *till.charges(payment_id)) == DONE[kind]
    assert till.sweep() == 0
    assert till.broken() == []


@pytest.mark.parametrize("kind", KINDS)
def test_death_after_the_call_is_settled_by_asking(till: Till, clock: Any, kind: str) -> None:
    payment_id = begin(till, kind)
    [operation_id] = till.tasks()
    till.call(till.claim(operation_id))
    assert till.sweep() == 0, "the lease protects a worker that is only slow"

    clock.move(till.timing.lease.total_seconds())
    assert till.sweep() == 1

    assert (till.status(payment_id), *till.charges(payment_id)) == DONE[kind]
    clock.move(3600)
    assert till.sweep() == 0
    assert till.broken() == []


@pytest.mark.parametrize(
    ("kind", "status", "charges"),
    [
        ("charge", "failed", []),
        ("authorize", "failed", []),
        ("capture", "authorized", [(1999, 0, 0)]),
        ("cancel", "canceled", [(1999, 0, 0)]),
        ("refund", "succeeded", [(1999, 1999, 700)]),
    ],
)
def test_death_before_the_call_takes_no_money_and_gives_back_what_is_owed(
    till: Till, clock: Any, kind: str, status: str, charges: list[tuple[int, int, int]]
) -> None:
    payment_id = begin(till, kind)
    [operation_id] = till.tasks()
    till.claim(operation_id)

    for _ in range(3):
        clock.move(till.timing.grace.total_seconds())
        till.sweep()

    assert till.status(payment_id) == status
    assert till.charges(payment_id) == charges
    assert till.broken() == []


def test_payment_whose_worker_died_is_unknown_until_the_grace_period_ends(
    till: Till, clock: Any, types: Types
) -> None:
    payment_id = begin(till, "charge")
    till.claim(till.tasks()[0])
    clock.move(till.timing.lease.total_seconds())
    till.sweep()
    assert (till.status(payment_id), types()) == ("unknown", [])

    clock.move(till.timing.grace.total_seconds())
    till.sweep()
    assert (till.status(payment_id), types()) == ("failed", ["payment.failed.v1"])


def test_stalled_worker_that_wakes_after_the_end_charges_nobody(
    till: Till, clock: Any, types: Types
) -> None:
    payment_id = begin(till, "charge")
    [operation_id] = till.tasks()
    command = till.claim(operation_id)
    clock.move(till.timing.grace.total_seconds())
    till.sweep()
    again = till.start(till.payment(payment_id)["order_id"])
    till.work()

    till.apply(command, till.call(command))

    assert till.status(payment_id) == "failed"
    assert (till.charges(payment_id), till.charges(again)) == ([], [(1999, 1999, 0)])
    assert types() == ["payment.failed.v1", "payment.succeeded.v1"]
    assert till.broken() == []


def test_slow_worker_and_the_lookup_apply_one_outcome_once(
    till: Till, clock: Any, types: Types
) -> None:
    payment_id = begin(till, "charge")
    command = till.claim(till.tasks()[0])
    outcome = till.call(command)
    clock.move(till.timing.lease.total_seconds())
    till.sweep()

    till.apply(command, outcome)

    assert till.ledger(payment_id) == [("assets:provider", 1999), ("income:sales", -1999)]
    assert types() == ["payment.succeeded.v1"]


def test_redelivered_task_finds_nothing_to_do(till: Till, types: Types) -> None:
    payment_id = begin(till, "charge")
    [operation_id] = till.tasks()

    assert [till.execute(operation_id) for _ in range(3)] == [True, False, False]

    assert till.charges(payment_id) == [(1999, 1999, 0)]
    assert types() == ["payment.succeeded.v1"]
