"""What people do with an order: cancel, ship, deliver, refund."""

from uuid import UUID

from sqlalchemy.orm import Session

from order_service.models import Order, Refund
from order_service.models.errors import RefundExceedsPaid
from order_service.models.lifecycle import OrderEvent
from order_service.services.refunding import request_refund
from order_service.services.transitions import advance_order, lock_order


def cancel_order(
    session: Session, order_id: UUID, *, visible_to: UUID | None, reason: str | None
) -> Order:
    """Cancel an order that has not been shipped; what was paid goes back.

    Raises OrderNotFound, IllegalMove. Publishes: order.cancelled.v1, and refund.requested.v1 for
    what was paid and not yet refunded. Locks: the order's row.
    """
    order = lock_order(session, order_id, visible_to=visible_to)
    detail = {"cause": "requested", "reason": reason or "requested"}
    if order.expects(OrderEvent.CANCEL):
        order.reason = detail["reason"]
    advance_order(session, order, OrderEvent.CANCEL, detail=detail)
    return order


def ship_order(
    session: Session, order_id: UUID, *, carrier: str | None, tracking_number: str | None
) -> Order:
    """Note that a paid order has left the house.

    Raises OrderNotFound, IllegalMove. Publishes: order.shipped.v1. Locks: the order's row.
    """
    order = lock_order(session, order_id)
    if order.expects(OrderEvent.SHIP):
        order.carrier, order.tracking_number = carrier, tracking_number
    detail = {"carrier": carrier, "tracking_number": tracking_number}
    advance_order(session, order, OrderEvent.SHIP, detail=detail)
    return order


def deliver_order(session: Session, order_id: UUID) -> Order:
    """Note that a shipped order has arrived.

    Raises OrderNotFound, IllegalMove. Publishes: order.delivered.v1. Locks: the order's row.
    """
    order = lock_order(session, order_id)
    advance_order(session, order, OrderEvent.DELIVER)
    return order


def refund_order(session: Session, order_id: UUID, *, amount: int, reason: str) -> Refund:
    """Give `amount` minor units of the order's payment back, in one of several parts if need be.

    Raises OrderNotFound, IllegalMove (nothing was paid, or all went back), RefundExceedsPaid.
    Publishes: refund.requested.v1. Locks: the order's row.
    """
    order = lock_order(session, order_id)
    payment = order.accepted_payment
    if payment is not None and amount > payment.refundable:
        raise RefundExceedsPaid(f"At most {payment.refundable} of this payment can be refunded")
    advance_order(session, order, OrderEvent.REFUND, detail={"amount": amount, "reason": reason})
    # The state machine lets only orders with an accepted payment come here.
    assert payment is not None
    return request_refund(session, order, payment, amount, reason)
