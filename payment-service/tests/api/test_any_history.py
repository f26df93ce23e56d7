"""Any order of requests, deaths, lost and doubled tasks: the books stay right at every step."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from chassis import clock as platform_clock

Till = Any

SOURCE = st.sampled_from(
    [
        "tok_success",
        "tok_requires_action",
        "tok_timeout_after",
        "tok_timeout_before",
        "tok_declined",
    ]
)
METHOD = st.sampled_from(["automatic", "manual"])
RESTING = {"requires_action", "authorized", "succeeded", "failed", "canceled"}


@dataclass
class Known:
    """What the machine has set going."""

    orders: dict[str, int] = field(default_factory=dict)
    payments: list[str] = field(default_factory=list)


def machine_for(till: Till) -> type[RuleBasedStateMachine]:
    """Return the machine on one till; each history gets orders of its own."""

    class Histories(RuleBasedStateMachine):
        payments = Bundle("payments")
        tasks = Bundle("tasks")

        def __init__(self) -> None:
            super().__init__()
            self.known = Known()
            till.tasks()

        def new_tasks(self) -> list[UUID]:
            return list(till.tasks())

        def try_post(self, path: str, body: Any = None, who: Any = None) -> Any:
            response = till.post(path, body, who, key=str(uuid4()))
            assert response.status_code in (202, 409, 422), response.get_json()
            return response

        def announce(self, amount: int) -> str:
            order_id = str(till.order(amount, seconds=10**6))
            self.known.orders[order_id] = amount
            return order_id

        def start(self, order: str, source: str, method: str) -> str | None:
            body = {"order_id": order, "source": source, "capture_method": method}
            response = self.try_post("", body)
            if response.status_code != 202:
                return None
            self.known.payments.append(response.get_json()["data"]["id"])
            return self.known.payments[-1]

        @initialize(target=payments, sources=st.tuples(SOURCE, SOURCE))
        def open_with_four_payments(self, sources: tuple[str, str]) -> Any:
            automatic = [("tok_success", "automatic"), (sources[0], "automatic")]
            manual = [("tok_success", "manual"), (sources[1], "manual")]
            started = [self.start(self.announce(1999), *means) for means in automatic + manual]
            return multiple(*started)

        @rule(target=payments, payment=payments, source=SOURCE, method=METHOD)
        def pay_again(self, payment: str, source: str, method: str) -> Any:
            again = self.start(till.payment(payment)["order_id"], source, method)
            return multiple() if again is None else again

        @rule(target=payments, amount=st.integers(0, 3000), source=SOURCE, method=METHOD)
        def pay_new_order(self, amount: int, source: str, method: str) -> Any:
            return self.start(self.announce(amount), source, method)

        @rule(payment=payments, verb=st.sampled_from(["confirm", "cancel"]))
        def act(self, payment: str, verb: str) -> None:
            self.try_post(f"/{payment}/{verb}")

        @rule(payment=payments, amount=st.none() | st.integers(1, 3000))
        def capture(self, payment: str, amount: int | None) -> None:
            self.try_post(f"/{payment}/capture", {"amount": amount} if amount else {}, till.staff)

        @rule(payment=payments, amount=st.none() | st.integers(1, 2000))
        def refund(self, payment: str, amount: int | None) -> None:
            body = {"reason": "any"} if amount is None else {"reason": "any", "amount": amount}
            self.try_post(f"/{payment}/refunds", body, till.staff)

        @rule(payment=payments, times=st.integers(1, 2), amount=st.integers(1, 3000))
        def request_refund(self, payment: str, times: int, amount: int) -> None:
            data = {
                "refund_id": str(uuid4()),
                "order_id": till.payment(payment)["order_id"],
                "payment_id": payment,
                "amount": amount,
                "currency": "GBP",
                "reason": "any",
            }
            for _ in range(times):
                till.send("refund.requested.v1", data)

        @rule(payment=payments, how=st.sampled_from(["cancelled", "expired"]))
        def end(self, payment: str, how: str) -> None:
            till.close(till.payment(payment)["order_id"], how)

        @rule(target=tasks)
        def receive_tasks(self) -> Any:
            return multiple(*self.new_tasks())

        @rule(task=tasks)
        def work(self, task: UUID) -> None:
            till.execute(task)

        @rule(task=consumes(tasks), called=st.booleans())
        def die(self, task: UUID, called: bool) -> None:
            with till.app.app_context():
                state = till.rows("SELECT state FROM operations WHERE id = :id", id=task)
            if state == [("due",)]:
                command = till.claim(task)
                if called:
                    till.call(command)

        @rule(seconds=st.sampled_from([3, 15, 40]))
        def sweep_later(self, seconds: int) -> None:
            platform_clock.move(seconds)
            till.sweep()

        @invariant()
        def books_are_right(self) -> None:
            assert till.broken() == []

        def teardown(self) -> None:
            for _ in range(6):
                till.work()
                platform_clock.move(60)
                till.sweep()
            assert till.rows("SELECT * FROM operations WHERE state <> 'done'") == []
            assert {till.status(payment) for payment in self.known.payments} <= RESTING
            assert till.broken() == []
            for order, amount in self.known.orders.items():
                taken = till.rows(
                    "SELECT coalesce(sum(c.captured), 0)::int, count(*) FROM sandbox_charges c"
                    " JOIN payments p ON p.id::text = c.merchant_reference"
                    " WHERE p.order_id = :order AND c.captured > 0",
                    order=order,
                )
                assert taken[0][0] <= amount and taken[0][1] <= 1

    return Histories


def test_every_history_keeps_the_books_and_comes_to_rest(
    till: Till, clock: Any, types: Callable[[], list[str]]
) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine_for(till),
        settings=settings(
            max_examples=12,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
    assert "payment.succeeded.v1" in types()
