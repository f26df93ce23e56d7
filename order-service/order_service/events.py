"""What order-service tells others, and what it does with what others tell it."""

from collections.abc import Callable

from sqlalchemy.orm import Session

from chassis.messaging.event import Event
from order_service.services.announcements import ORDER_EVENTS, REFUND_REQUESTED
from order_service.services.payment_replies import (
    payment_failed,
    payment_refunded,
    payment_succeeded,
)
from order_service.services.stock_replies import stock_rejected, stock_released, stock_reserved

PUBLISHES: frozenset[str] = frozenset(ORDER_EVENTS) | {REFUND_REQUESTED}

CONSUMES: dict[str, Callable[[Session, Event], None]] = {
    "stock.reserved.v1": stock_reserved,
    "stock.rejected.v1": stock_rejected,
    "stock.released.v1": stock_released,
    "payment.succeeded.v1": payment_succeeded,
    "payment.failed.v1": payment_failed,
    "payment.refunded.v1": payment_refunded,
}

# Customers know best when their parcel arrives; nobody else needs it yet.
UNCONSUMED: frozenset[str] = frozenset({"order.delivered.v1"})
