"""The saga's answers from product-service. Duplicates, any order and unknown orders are normal."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from chassis import clock
from chassis.app import settings
from chassis.messaging.event import Event
from order_service.models import Order
from order_service.models.errors import ReservationMismatch
from order_service.models.lifecycle import OrderEvent
from order_service.models.lines import ReservedLine
from order_service.services.transitions import advance_order, lock_order_of_event


def stock_reserved(session: Session, event: Event) -> None:
    """Price the order and wait for its payment.

    Raises ReservationMismatch. Publishes: order.awaiting_payment.v1. Locks: the order's row.
    """
    order = lock_order_of_event(session, event.data)
    if order is None:
        return
    if order.expects(OrderEvent.STOCK_RESERVED):
        _price(order, event.data)
    detail = {"reservation_id": event.data["reservation_id"]}
    advance_order(session, order, OrderEvent.STOCK_RESERVED, detail=detail)


def _price(order: Order, data: dict[str, Any]) -> None:
    lines = [
        ReservedLine(
            product_id=UUID(item["product_id"]),
            sku=item["sku"],
            name=item["name"],
            quantity=item["quantity"],
            unit_price=item["unit_price"],
        )
        for item in data["items"]
    ]
    order.price(lines, data["currency"])
    if order.total != data["total"]:
        raise ReservationMismatch(f"order {order.id}: its total is not the sum of its lines")
    # Whichever ends first: paying for stock that is no longer held would end in a refund.
    pay_until = clock.now() + timedelta(seconds=settings().order_payment_ttl)
    order.expires_at = min(pay_until, datetime.fromisoformat(data["expires_at"]))


def stock_rejected(session: Session, event: Event) -> None:
    """Reject the order; where it was paid already and the reservation is lost, refund it.

    Publishes: order.rejected.v1, or order.cancelled.v1 and refund.requested.v1.
    Locks: the order's row.
    """
    order = lock_order_of_event(session, event.data)
    if order is None:
        return
    reason = event.data["reason"]
    lost = reason == "reservation_lost"
    happened = OrderEvent.RESERVATION_LOST if lost else OrderEvent.STOCK_REJECTED
    if order.expects(happened):
        order.reason = reason
    detail = {"reason": reason, "items": event.data["items"], "cause": reason}
    advance_order(session, order, happened, detail=detail)


def stock_released(session: Session, event: Event) -> None:
    """End an unpaid order whose reservation has run out.

    Publishes: order.expired.v1. Locks: the order's row.
    """
    order = lock_order_of_event(session, event.data)
    if order is None:
        return
    expired = event.data["reason"] == "expired"
    happened = OrderEvent.RESERVATION_EXPIRED if expired else OrderEvent.STOCK_RETURNED
    if order.expects(happened):
        order.reason = "reservation_expired"
    advance_order(session, order, happened)
