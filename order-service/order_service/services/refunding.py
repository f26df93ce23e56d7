"""Money on its way back: what is asked of payment-service, and what it reports."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from chassis import clock
from chassis.base_model import new_id
from chassis.messaging.outbox import record
from order_service.models import Order, OrderPayment, Refund
from order_service.models.errors import RefundExceedsPaid
from order_service.models.payments import RefundStatus
from order_service.services.announcements import REFUND_REQUESTED, refund_requested


def request_refund(
    session: Session, order: Order, payment: OrderPayment, amount: int, reason: str
) -> Refund:
    """Ask payment-service to give `amount` minor units of a payment back.

    order: locked by the caller, so that two requests cannot both claim the last units.
    Raises RefundExceedsPaid. Publishes: refund.requested.v1.
    """
    if amount > payment.refundable:
        raise RefundExceedsPaid(f"At most {payment.refundable} of this payment can be refunded")
    payment.promised += amount
    refund = Refund(
        id=new_id(),
        payment_id=payment.id,
        amount=amount,
        currency=payment.currency,
        reason=reason,
        status=RefundStatus.REQUESTED,
        order_id=order.id,
    )
    order.refunds.append(refund)
    record(session, REFUND_REQUESTED, order.id, refund_requested(refund))
    return refund


def refunded_early(order: Order, payment_id: UUID) -> int:
    """Return what was given back of a payment before the news of the payment itself arrived."""
    return sum(
        refund.amount
        for refund in order.refunds
        if refund.payment_id == payment_id and refund.status == RefundStatus.COMPLETED
    )


def complete_refund(order: Order, data: dict[str, Any]) -> OrderPayment | None:
    """Book a refund that payment-service reports as done; return its payment if it is known here.

    data: of payment.refunded.v1. Its amount counts, because payment-service is the authority over
    money. A refund that started there is new here; where it took what others had claimed, the
    newest of those are superseded: payment-service will refuse them.
    """
    refund_id, payment_id = UUID(data["refund_id"]), UUID(data["payment_id"])
    payment = next((known for known in order.payments if known.id == payment_id), None)
    refund = next((known for known in order.refunds if known.id == refund_id), None)
    if refund is None:
        refund = Refund(id=refund_id, payment_id=payment_id, reason=data["reason"])
        refund.currency = data["currency"]
        order.refunds.append(refund)
    elif refund.status == RefundStatus.REQUESTED and payment is not None:
        payment.promised -= refund.amount
    refund.amount = data["amount"]
    refund.status, refund.completed_at = RefundStatus.COMPLETED, clock.now()
    if payment is not None:
        _supersede(order, payment, refund.amount)
        payment.promised += refund.amount
        payment.refunded += refund.amount
        order.refunded_amount += refund.amount
    return payment


def _supersede(order: Order, payment: OrderPayment, needed: int) -> None:
    for refund in reversed(order.refunds):
        if payment.refundable >= needed:
            return
        if refund.payment_id == payment.id and refund.status == RefundStatus.REQUESTED:
            refund.status = RefundStatus.SUPERSEDED
            payment.promised -= refund.amount
