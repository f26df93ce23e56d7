"""The saga's answers from payment-service. Duplicates, any order and unknown orders are normal."""

from uuid import UUID

from sqlalchemy.orm import Session

from chassis.messaging.event import Event
from order_service.models import Order, OrderPayment
from order_service.models.lifecycle import DEAD, OrderEvent
from order_service.services.refunding import complete_refund, refunded_early, request_refund
from order_service.services.transitions import advance_order, lock_order_of_event


def payment_succeeded(session: Session, event: Event) -> None:
    """Settle the order, or give the money back where the order does not wait for it.

    Publishes: order.paid.v1 or refund.requested.v1. Locks: the order's row.
    """
    order = lock_order_of_event(session, event.data)
    if order is None:
        return
    data = event.data
    payment_id = UUID(data["payment_id"])
    detail = {"payment_id": data["payment_id"], "amount": data["amount"]}
    if any(known.id == payment_id for known in order.payments):
        advance_order(session, order, OrderEvent.PAYMENT_REPEATED, detail=detail)
        return
    early = refunded_early(order, payment_id)
    payment = OrderPayment(
        id=payment_id,
        amount=data["amount"],
        currency=data["currency"],
        promised=early,
        refunded=early,
    )
    happened = OrderEvent.PAYMENT_SUCCEEDED
    if order.expects(happened) and not _pays_for(payment, order):
        happened = OrderEvent.PAYMENT_UNUSABLE
    order.receive(payment, accepted=order.expects(happened))
    advance_order(session, order, happened, detail=detail, payment=payment)


def _pays_for(payment: OrderPayment, order: Order) -> bool:
    """Tell whether the payment is the order's total, and has not been given back already."""
    right = (payment.amount, payment.currency) == (order.total, order.currency)
    return right and not payment.fully_refunded


def payment_failed(session: Session, event: Event) -> None:
    """Note a failed attempt; the customer may try again until the order expires.

    Locks: the order's row.
    """
    order = lock_order_of_event(session, event.data)
    if order is None:
        return
    detail = {key: event.data[key] for key in ("payment_id", "code", "message")}
    advance_order(session, order, OrderEvent.PAYMENT_FAILED, detail=detail)


def payment_refunded(session: Session, event: Event) -> None:
    """Complete a refund; an order whose payment is given back in full is refunded.

    Publishes: refund.requested.v1 for the rest, where all of a payment has to go back.
    Locks: the order's row.
    """
    order = lock_order_of_event(session, event.data)
    if order is None:
        return
    detail = {key: event.data[key] for key in ("payment_id", "refund_id", "amount", "reason")}
    refund_id = UUID(event.data["refund_id"])
    if any(known.id == refund_id and known.completed_at for known in order.refunds):
        advance_order(session, order, OrderEvent.REFUND_REPEATED, detail=detail)
        return
    payment = complete_refund(order, event.data)
    in_full = payment is not None and payment.accepted and payment.fully_refunded
    happened = OrderEvent.FULLY_REFUNDED if in_full else OrderEvent.PAYMENT_REFUNDED
    advance_order(session, order, happened, detail=detail)
    if payment is not None and _goes_back_whole(order, payment) and payment.refundable > 0:
        # A refund made directly at payment-service took part of what was on its way: ask again
        # for the rest, because the larger request will be refused there.
        request_refund(session, order, payment, payment.refundable, "rest_of_payment")


def _goes_back_whole(order: Order, payment: OrderPayment) -> bool:
    return order.status in DEAD or not payment.accepted
