"""The invariants of orders and their money, each as one statement, so that it sees one snapshot."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import Session

from chassis import clock
from chassis.messaging.outbox import count_pending
from order_service.models import Order, OrderLine, OrderPayment, Refund, TimelineEntry
from order_service.models.lifecycle import DEAD, SETTLED, OrderStatus
from order_service.models.payments import RefundStatus

# The sweep runs every few seconds; a deadline that passed longer ago was forgotten.
SWEEP_GRACE_SECONDS = 60
_SHOWN = 20


@dataclass(frozen=True)
class Check:
    """One invariant and the orders that break it."""

    name: str
    ok: bool
    detail: dict[str, Any]


def audit_orders(session: Session) -> dict[str, Any]:
    """Return checks, counts by state, and sums, for comparison with the other services.

    `paid_amount` and `refunded_amount` are minor units by currency, over all payments that arrived
    and all refunds that were completed. `sold_units` counts the units that left the stock for good.
    """
    return {
        "checks": [_run(session, name, broken()) for name, broken in _CHECKS.items()],
        "counts": _counts(session),
        "sums": {
            "paid_amount": _by_currency(session, OrderPayment.amount, OrderPayment.currency),
            "refunded_amount": _by_currency(session, OrderPayment.refunded, OrderPayment.currency),
            "refunds_requested": _refunds_requested(session),
            "sold_units": _sold_units(session),
        },
        "outbox_pending": count_pending(session),
    }


def _run(session: Session, name: str, broken: Select[Any]) -> Check:
    ids = [str(order_id) for order_id in session.scalars(broken.limit(_SHOWN + 1))]
    detail = {"orders": ids[:_SHOWN], "more": len(ids) > _SHOWN}
    return Check(name, not ids, detail)


def _past_deadline() -> Select[Any]:
    forgotten = clock.now() - timedelta(seconds=SWEEP_GRACE_SECONDS)
    return select(Order.id).where(Order.expires_at < forgotten)


def _total_is_not_the_sum() -> Select[Any]:
    return (
        select(Order.id)
        .outerjoin(OrderLine)
        .where(Order.total.is_not(None))
        .group_by(Order.id)
        .having(func.coalesce(func.sum(OrderLine.line_total), -1) != Order.total)
    )


def _paid_twice() -> Select[Any]:
    accepted = func.count().filter(OrderPayment.accepted)
    return select(OrderPayment.order_id).group_by(OrderPayment.order_id).having(accepted > 1)


def _settled_without_its_payment() -> Select[Any]:
    matches = and_(
        OrderPayment.order_id == Order.id,
        OrderPayment.id == Order.payment_id,
        OrderPayment.accepted,
        OrderPayment.amount == Order.total,
        OrderPayment.currency == Order.currency,
    )
    paid = select(OrderPayment.id).where(matches).exists()
    return select(Order.id).where(Order.status.in_(SETTLED), ~paid)


def _refunded_more_than_paid() -> Select[Any]:
    completed = _sum_of_refunds(Refund.status == RefundStatus.COMPLETED)
    return select(OrderPayment.order_id).where(completed > OrderPayment.amount)


def _refund_sums_differ() -> Select[Any]:
    completed = _sum_of_refunds(Refund.status == RefundStatus.COMPLETED)
    promised = _sum_of_refunds(Refund.status != RefundStatus.SUPERSEDED)
    differs = or_(completed != OrderPayment.refunded, promised != OrderPayment.promised)
    return select(OrderPayment.order_id).where(differs)


def _sum_of_refunds(condition: ColumnElement[bool]) -> ColumnElement[int]:
    total = func.coalesce(func.sum(Refund.amount), 0)
    return select(total).where(Refund.payment_id == OrderPayment.id, condition).scalar_subquery()


def _money_kept_without_order() -> Select[Any]:
    """Payments that must go back whole: of a dead order, or not the one that pays for it."""
    return (
        select(OrderPayment.order_id)
        .join(Order, Order.id == OrderPayment.order_id)
        .where(or_(Order.status.in_(DEAD), ~OrderPayment.accepted))
        .where(OrderPayment.promised < OrderPayment.amount)
    )


def _timeline_has_gaps() -> Select[Any]:
    entries = func.count(TimelineEntry.id)
    return (
        select(Order.id)
        .join(TimelineEntry)
        .group_by(Order.id)
        .having(or_(entries != Order.version, func.max(TimelineEntry.position) != Order.version))
    )


_CHECKS: dict[str, Callable[[], Select[Any]]] = {
    "no_order_past_its_deadline": _past_deadline,
    "totals_equal_lines": _total_is_not_the_sum,
    "at_most_one_payment_per_order": _paid_twice,
    "settled_orders_have_their_payment": _settled_without_its_payment,
    "refunded_at_most_paid": _refunded_more_than_paid,
    "refund_sums_agree": _refund_sums_differ,
    "money_of_dead_orders_goes_back": _money_kept_without_order,
    "timelines_without_gaps": _timeline_has_gaps,
}


def _counts(session: Session) -> dict[str, int]:
    rows = session.execute(select(Order.status, func.count()).group_by(Order.status))
    found: dict[str, int] = dict(rows.tuples().all())
    return {str(status): found.get(status, 0) for status in OrderStatus}


def _by_currency(session: Session, amount: Any, currency: Any) -> dict[str, int]:
    rows = session.execute(select(currency, func.sum(amount)).group_by(currency))
    return {code: int(total) for code, total in rows}


def _refunds_requested(session: Session) -> dict[str, int]:
    statement = (
        select(Refund.currency, func.sum(Refund.amount))
        .where(Refund.status == RefundStatus.REQUESTED)
        .group_by(Refund.currency)
    )
    return {code: int(total) for code, total in session.execute(statement)}


def _sold_units(session: Session) -> int:
    units = case((Order.status.in_(SETTLED), OrderLine.quantity), else_=0)
    return int(session.scalar(select(func.coalesce(func.sum(units), 0)).join(Order)) or 0)
