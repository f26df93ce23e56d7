"""The audit counts what is there, and sees what is broken."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from order_service.models import Order, OrderLine, OrderPayment, Refund, TimelineEntry
from order_service.models.payments import RefundStatus


def audit(shop: Any) -> dict[str, Any]:
    response = shop.get("/audit", shop.admin)
    assert response.status_code == 200
    return dict(response.get_json()["data"])


def broken(shop: Any) -> dict[str, list[str]]:
    checks = audit(shop)["checks"]
    return {check["name"]: check["detail"]["orders"] for check in checks if not check["ok"]}


def test_counts_and_sums(shop: Any) -> None:
    shop.place(1)
    shop.placed_and_reserved(5)
    kept = shop.placed_and_paid(2, 1)
    cancelled = shop.placed_and_paid(4)
    shop.post(f"/{cancelled['id']}/cancel")
    refunded = shop.placed_and_paid(3)
    data = shop.messages.payment_refunded(refunded, payment_id=refunded["payment_id"], amount=750)
    shop.send("payment.refunded.v1", data)

    found = audit(shop)

    assert all(check["ok"] for check in found["checks"]), found["checks"]
    assert {name: count for name, count in found["counts"].items() if count} == {
        "pending": 1,
        "awaiting_payment": 1,
        "paid": 1,
        "cancelled": 1,
        "refunded": 1,
    }
    assert found["sums"] == {
        "paid_amount": {"GBP": 750 + 1000 + 750},
        "refunded_amount": {"GBP": 750},
        "refunds_requested": {"GBP": 1000},
        "sold_units": 3 + 3,
    }
    assert found["outbox_pending"] == 5 + 4 + 3 + 2
    assert kept["status"] == "paid"


def _break_total(session: Session, order: UUID) -> None:
    session.execute(update(Order).where(Order.id == order).values(total=Order.total + 1))


def _break_lines(session: Session, order: UUID) -> None:
    session.execute(delete(OrderLine).where(OrderLine.order_id == order))


def _break_payment(session: Session, order: UUID) -> None:
    values = {"accepted": False, "promised": OrderPayment.amount}
    session.execute(update(OrderPayment).where(OrderPayment.order_id == order).values(values))


def _break_refund(session: Session, order: UUID) -> None:
    payment = session.scalars(select(OrderPayment).where(OrderPayment.order_id == order)).one()
    refund = Refund(order_id=order, payment_id=payment.id, amount=10**6, currency="GBP", reason="x")
    refund.status, refund.completed_at = RefundStatus.COMPLETED, payment.created_at
    session.add(refund)


def _break_end(session: Session, order: UUID) -> None:
    values = {"status": "cancelled", "payment_id": None}
    session.execute(update(Order).where(Order.id == order).values(values))


def _break_timeline(session: Session, order: UUID) -> None:
    gone = (TimelineEntry.order_id == order, TimelineEntry.position == 2)
    session.execute(delete(TimelineEntry).where(*gone))


MUTANTS: dict[str, tuple[Callable[[Session, UUID], None], set[str]]] = {
    "total": (_break_total, {"totals_equal_lines", "settled_orders_have_their_payment"}),
    "lines": (_break_lines, {"totals_equal_lines"}),
    "payment not accepted": (
        _break_payment,
        {"settled_orders_have_their_payment", "refund_sums_agree"},
    ),
    "refund too large": (_break_refund, {"refunded_at_most_paid", "refund_sums_agree"}),
    "money kept": (_break_end, {"money_of_dead_orders_goes_back"}),
    "timeline": (_break_timeline, {"timelines_without_gaps"}),
}


@pytest.mark.parametrize(("mutate", "names"), MUTANTS.values(), ids=MUTANTS.keys())
def test_a_broken_invariant_is_seen_with_its_order(
    shop: Any,
    session: Session,
    mutate: Callable[[Session, UUID], None],
    names: set[str],
) -> None:
    shop.placed_and_paid()
    order = shop.placed_and_paid()

    mutate(session, UUID(order["id"]))
    session.flush()

    assert broken(shop) == {name: [order["id"]] for name in names}


def test_an_order_that_the_sweep_forgot_is_stuck(shop: Any, clock: Any) -> None:
    order = shop.placed_and_reserved()
    clock.move(timedelta(seconds=900 + 59).total_seconds())
    assert broken(shop) == {}

    clock.move(2)

    assert broken(shop) == {"no_order_past_its_deadline": [order["id"]]}
