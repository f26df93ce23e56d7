"""The saga under messages in any order, duplicated, late or lost, with people acting in between.

The machine plays product-service, payment-service, the customer, staff and the clock against one
order. Payments follow their own truth: what was captured, and how much of it was given back.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Connection

from chassis import clock as platform_clock
from chassis.database import transaction
from order_service.services.audit import audit_orders
from order_service.services.orders import expire_due_orders

PRICE = 100
# Somebody can act on these, or nobody has to.
SETTLED = {"paid", "shipped", "delivered", "rejected", "cancelled", "expired", "refunded"}


class Provider:
    """What payment-service knows: captured and refunded by payment, and refund requests seen."""

    def __init__(self, clamps: bool) -> None:
        self.clamps = clamps
        self.captured: dict[str, int] = {}
        self.refunded: dict[str, int] = {}
        self.seen: set[str] = set()

    def refund(self, payment_id: str, amount: int) -> int:
        """Give money back; return how much: what is left, or nothing, where less is left."""
        left = self.captured[payment_id] - self.refunded.get(payment_id, 0)
        given = amount if amount <= left else left if self.clamps else 0
        self.refunded[payment_id] = self.refunded.get(payment_id, 0) + given
        return given


class SagaMachine(RuleBasedStateMachine):
    """One order and everything that can happen to it."""

    shop: Any
    app: Any
    connection: Connection
    published: Callable[[], list[Any]]

    @initialize(quantity=st.integers(1, 3), paid=st.booleans(), clamps=st.booleans())
    def place(self, quantity: int, paid: bool, clamps: bool) -> None:
        # Undone at the end, so that the hundredth order is alone in the database too.
        self.savepoint = self.connection.begin_nested()
        self.order = self.shop.place(quantity)
        self.total = quantity * PRICE
        self.provider = Provider(clamps)
        self.waiting: list[tuple[str, dict[str, Any]]] = []
        self.delivered: list[tuple[str, dict[str, Any], UUID]] = []
        # Half of the runs begin where the money is: a random walk alone seldom gets that far.
        if paid:
            self.stock_is_reserved()
            self.payment_succeeds(0)
            self._deliver(0)
            self._deliver(0)

    # What other services decide; the message waits until some later step delivers it.

    @rule()
    def stock_is_reserved(self) -> None:
        data = self.shop.messages.stock_reserved(self.order, price=PRICE)
        self.waiting.append(("stock.reserved.v1", data))

    @rule(reason=st.sampled_from(["out_of_stock", "reservation_lost", "cancelled"]))
    def stock_is_rejected(self, reason: str) -> None:
        data = self.shop.messages.stock_rejected(self.order, reason)
        self.waiting.append(("stock.rejected.v1", data))

    @rule(reason=st.sampled_from(["expired", "cancelled"]))
    def stock_is_released(self, reason: str) -> None:
        data = self.shop.messages.stock_released(self.order, reason)
        self.waiting.append(("stock.released.v1", data))

    @rule(wrong=st.sampled_from([0, 0, 0, 1]))
    def payment_succeeds(self, wrong: int) -> None:
        payment_id, amount = str(uuid4()), self.total - wrong
        self.provider.captured[payment_id] = amount
        data = self.shop.messages.payment_succeeded(
            self.order, amount=amount, payment_id=payment_id
        )
        self.waiting.append(("payment.succeeded.v1", data))

    @rule()
    def payment_fails(self) -> None:
        self.waiting.append(("payment.failed.v1", self.shop.messages.payment_failed(self.order)))

    @precondition(lambda self: self.provider.captured)
    @rule(data=st.data())
    def payment_is_refunded_over_there(self, data: st.DataObject) -> None:
        payment_id = data.draw(st.sampled_from(list(self.provider.captured)))
        self._refund(payment_id, data.draw(st.integers(1, self.total)), str(uuid4()))

    @rule()
    def refund_requests_are_worked_off(self) -> None:
        for event in self.published():
            if event.type != "refund.requested.v1" or event.subject != self.order["id"]:
                continue
            if event.data["refund_id"] not in self.provider.seen:
                self.provider.seen.add(event.data["refund_id"])
                self._refund(
                    event.data["payment_id"], event.data["amount"], event.data["refund_id"]
                )

    def _refund(self, payment_id: str, amount: int, refund_id: str) -> None:
        given = self.provider.refund(payment_id, amount)
        if given:
            data = self.shop.messages.payment_refunded(
                self.order, payment_id=payment_id, amount=given, refund_id=refund_id
            )
            self.waiting.append(("payment.refunded.v1", data))

    # The network: any waiting message next, or one that was delivered before.

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def deliver_any(self, data: st.DataObject) -> None:
        self._deliver(data.draw(st.integers(0, len(self.waiting) - 1)))

    @precondition(lambda self: self.delivered)
    @rule(data=st.data(), told_anew=st.booleans())
    def deliver_again(self, data: st.DataObject, told_anew: bool) -> None:
        event_type, payload, event_id = data.draw(st.sampled_from(self.delivered))
        self.shop.send(event_type, payload, event_id=uuid4() if told_anew else event_id)
        self.touched = True

    def _deliver(self, index: int) -> None:
        event_type, payload = self.waiting.pop(index)
        event_id = uuid4()
        self.shop.send(event_type, payload, event_id=event_id)
        self.delivered.append((event_type, payload, event_id))
        self.touched = True

    # People and the clock.

    @rule(action=st.sampled_from(["cancel", "ship", "deliver"]))
    def command(self, action: str) -> None:
        response = self.shop.post_as(self.shop.staff, f"/{self.order['id']}/{action}")
        assert response.status_code in (200, 409)
        self.touched = True

    @rule(amount=st.sampled_from([1, PRICE // 2, PRICE, 2 * PRICE, 3 * PRICE]))
    def staff_refunds(self, amount: int) -> None:
        body, path = {"amount": amount, "reason": "damaged"}, f"/{self.order['id']}/refunds"
        response = self.shop.post_as(self.shop.staff, path, body, key=str(uuid4()))
        assert response.status_code in (202, 409)
        self.touched = True

    @rule(seconds=st.sampled_from([10, 10, 1000]))
    def time_passes(self, seconds: int) -> None:
        platform_clock.move(seconds)
        self._sweep()

    def _sweep(self) -> None:
        with self.app.app_context(), transaction() as session:
            expire_due_orders(session)
        self.touched = True

    @invariant()
    def invariants_hold(self) -> None:
        # What others decide changes nothing here until it is delivered.
        if not getattr(self, "touched", False):
            return
        self.touched = False
        with self.app.app_context(), transaction() as session:
            checks = audit_orders(session)["checks"]
        assert [check.name for check in checks if not check.ok] == []

    def teardown(self) -> None:
        """Let everything arrive and all time pass; the order is done then, and the money right."""
        if not hasattr(self, "order"):
            return
        try:
            self._finish()
        finally:
            self.savepoint.rollback()

    def _finish(self) -> None:
        self.refund_requests_are_worked_off()
        while self.waiting:
            self._deliver(0)
            self.refund_requests_are_worked_off()
        platform_clock.move(86_401)
        self._sweep()
        self.invariants_hold()
        self._check_end(self.shop.order(self.order["id"]))

    def _check_end(self, order: dict[str, Any]) -> None:
        captured, refunded = self.provider.captured, self.provider.refunded
        assert order["status"] in SETTLED
        assert order["refunded_amount"] == sum(refunded.values())
        assert "requested" not in {refund["status"] for refund in order["refunds"]}
        kept = {pid: captured[pid] - refunded.get(pid, 0) for pid in captured}
        if order["status"] in {"rejected", "cancelled", "expired", "refunded"}:
            assert set(kept.values()) <= {0}
        else:
            assert {pid for pid, left in kept.items() if left} == {order["payment_id"]}


@pytest.mark.usefixtures("clock")
def test_every_order_ends_well_whatever_arrives_in_whatever_order(
    shop: Any, app: Any, connection: Connection, published: Any
) -> None:
    def machine() -> SagaMachine:
        made = SagaMachine()
        made.shop, made.app = shop, app
        made.connection, made.published = connection, published
        return made

    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=20,
            stateful_step_count=25,
            deadline=None,
            # Shrinking would take minutes; 25 steps can be read as they are.
            phases=[Phase.generate],
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
