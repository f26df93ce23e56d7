"""Refunds: never more than was captured, however many ask at once."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from chassis.base_model import new_id
from chassis.money import Money
from payment_service.models.errors import IllegalMove, RefundExceedsCaptured
from payment_service.models.lifecycle import PaymentStatus
from payment_service.models.operations import OperationKind
from payment_service.models.payments import Payment
from payment_service.models.refunds import CLAIMING, Refund, RefundStatus
from payment_service.services.operations import begin_operation
from payment_service.services.payments import get_payment

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class RefundOrder:
    """What order-service asks for; `refund_id` makes it happen once."""

    refund_id: UUID
    payment_id: UUID
    money: Money
    reason: str


def refund_payment(
    session: Session, payment_id: UUID, *, amount: int | None, reason: str
) -> Refund:
    """Give back `amount` (minor units, None for all that is left).

    Raises PaymentNotFound, IllegalMove, RefundExceedsCaptured. Locks: the payment.
    Enqueues: payments.execute.
    """
    payment = get_payment(session, payment_id, owner=None, lock=True)
    if payment.status != PaymentStatus.SUCCEEDED:
        raise IllegalMove(f"A payment in state {payment.status} has nothing to give back")
    left = _refundable(session, payment)
    wanted = left if amount is None else amount
    if wanted > left or left == 0:
        raise RefundExceedsCaptured(f"{left} minor units are left to give back")
    return _begin_refund(session, payment, new_id(), wanted, reason)


def refund_for_order(session: Session, order: RefundOrder) -> None:
    """Give back what order-service asks for, at most what is left: staff may have been faster.

    Where nothing is left, or the request does not fit the payment, a failed refund stays on record.
    Without effect for a refund that is known, and for an unknown payment.
    Locks: the payment. Enqueues: payments.execute.
    """
    payment = session.get(Payment, order.payment_id, with_for_update=True, populate_existing=True)
    if payment is None:
        logger.warning("refund of an unknown payment", extra={"refund_id": str(order.refund_id)})
        return
    if session.get(Refund, order.refund_id) is not None:
        return
    amount = min(order.money.amount, _refundable(session, payment))
    if payment.currency != order.money.currency:
        _record_failed(session, payment, order, "currency_mismatch")
    elif amount <= 0:
        _record_failed(session, payment, order, "nothing_left")
    else:
        _begin_refund(session, payment, order.refund_id, amount, order.reason)


def list_refunds(session: Session, payment: Payment) -> Sequence[Refund]:
    """Return the refunds of a payment, oldest first."""
    refunds = select(Refund).where(Refund.payment_id == payment.id)
    return session.scalars(refunds.order_by(Refund.created_at, Refund.id)).all()


def _refundable(session: Session, payment: Payment) -> int:
    claimed = session.scalar(
        select(func.coalesce(func.sum(Refund.amount), 0)).where(
            Refund.payment_id == payment.id, Refund.status.in_(CLAIMING)
        )
    )
    return payment.captured_amount - int(claimed or 0)


def _begin_refund(
    session: Session, payment: Payment, refund_id: UUID, amount: int, reason: str
) -> Refund:
    refund = Refund(
        id=refund_id,
        payment_id=payment.id,
        amount=amount,
        currency=payment.currency,
        reason=reason,
        status=RefundStatus.PENDING,
    )
    session.add(refund)
    begin_operation(session, payment, OperationKind.REFUND, amount, refund_id=refund_id)
    return refund


def _record_failed(session: Session, payment: Payment, order: RefundOrder, code: str) -> None:
    session.add(
        Refund(
            id=order.refund_id,
            payment_id=payment.id,
            amount=0,
            currency=payment.currency,
            reason=order.reason,
            status=RefundStatus.FAILED,
            failure_code=code,
        )
    )
    logger.warning("refund not possible", extra={"refund_id": str(order.refund_id), "code": code})
