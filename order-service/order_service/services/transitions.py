"""The one way in which an order moves: row locked; state, timeline, outbox in one transaction."""

import logging
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.messaging.outbox import record
from order_service.models import Order, OrderPayment
from order_service.models.errors import OrderNotFound
from order_service.models.lifecycle import OrderEvent, Refunding
from order_service.services.announcements import ORDER_EVENTS
from order_service.services.refunding import request_refund

logger = logging.getLogger(__name__)

# Why the money goes back, by the event that caused it.
_REFUND_REASONS = {
    OrderEvent.CANCEL: "order_cancelled",
    OrderEvent.RESERVATION_LOST: "reservation_lost",
    OrderEvent.PAYMENT_SUCCEEDED: "late_payment",
    OrderEvent.PAYMENT_UNUSABLE: "unusable_payment",
}


def lock_order(session: Session, order_id: UUID, *, visible_to: UUID | None = None) -> Order:
    """Return an order for a change; visible_to: the customer who may see it, None for all.

    Raises OrderNotFound, also for somebody else's order. Locks: the order's row.
    """
    statement = select(Order).where(Order.id == order_id).with_for_update()
    order = session.scalar(statement.execution_options(populate_existing=True))
    if order is None or visible_to not in (None, order.customer_id):
        raise OrderNotFound
    return order


def lock_order_of_event(session: Session, data: dict[str, Any]) -> Order | None:
    """Return the order that a message is about, or None where there is no such order here.

    That happens after a restore of this database only; trying again would not bring the order back.
    Locks: the order's row.
    """
    try:
        return lock_order(session, UUID(data["order_id"]))
    except OrderNotFound:
        logger.error("message about an unknown order", extra={"order_id": data["order_id"]})
        return None


def advance_order(
    session: Session,
    order: Order,
    event: OrderEvent,
    *,
    detail: dict[str, Any] | None = None,
    payment: OrderPayment | None = None,
) -> None:
    """Feed an event into the state machine, with all that follows from it.

    order: locked by the caller. detail: for the timeline. payment: the one the event is about.
    Raises IllegalMove for a command that the state refuses.
    Publishes: what the rule announces, and refund.requested.v1 where money has to go back.
    """
    facts = detail or {}
    rule = order.advance(event, facts)
    if rule.announces is not None:
        record(session, rule.announces, order.id, ORDER_EVENTS[rule.announces](order, facts))
    source = payment if rule.refunds is Refunding.THIS_PAYMENT else order.accepted_payment
    if rule.refunds is not Refunding.NOTHING and source is not None and source.refundable > 0:
        request_refund(session, order, source, source.refundable, _REFUND_REASONS[event])
