"""Payments: the customer pays, confirms and cancels; staff captures."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select, exists, select
from sqlalchemy.orm import Session

from chassis import clock
from payment_service.models.errors import (
    CaptureExceedsAuthorized,
    IllegalMove,
    OrderNotPayable,
    PaymentExists,
    PaymentNotFound,
)
from payment_service.models.lifecycle import ACTIVE, PaymentEvent, PaymentStatus
from payment_service.models.operations import OperationKind
from payment_service.models.payments import CaptureMethod, Payment
from payment_service.services.operations import begin_operation
from payment_service.services.payables import cancel_unstarted, lock_payable, void_payment


@dataclass(frozen=True, kw_only=True)
class NewPayment:
    """What a customer asks for; the amount is the order's and never the client's."""

    order_id: UUID
    customer_id: UUID
    source: str
    capture_method: CaptureMethod = CaptureMethod.AUTOMATIC


def create_payment(session: Session, request: NewPayment) -> Payment:
    """Start to pay for an order; the provider is asked later, by the worker.

    An order that is not known yet, is another's or is over gives the same error: the difference
    would tell a stranger which orders exist.
    Raises OrderNotPayable, PaymentExists. Locks: the payable. Enqueues: payments.execute.
    """
    payable = lock_payable(session, request.order_id)
    if payable is None or not payable.payable_by(request.customer_id, clock.now()):
        raise OrderNotPayable
    active = exists().where(Payment.order_id == request.order_id, Payment.status.in_(ACTIVE))
    if session.scalar(select(active)):
        raise PaymentExists
    payment = Payment(
        order_id=request.order_id,
        customer_id=request.customer_id,
        amount=payable.amount,
        currency=payable.currency,
        status=PaymentStatus.PROCESSING,
        capture_method=request.capture_method,
        source=request.source,
        captured_amount=0,
        refunded_amount=0,
        operations_count=0,
        attempts=[],
    )
    session.add(payment)
    begin_operation(session, payment, first_step(payment), payment.amount)
    return payment


def first_step(payment: Payment) -> OperationKind:
    """Return what brings a new or confirmed payment forward."""
    return OperationKind.CHARGE if payment.automatic else OperationKind.AUTHORIZE


def get_payment(
    session: Session, payment_id: UUID, *, owner: UUID | None, lock: bool = False
) -> Payment:
    """Return a payment. owner: the customer who asks, None for staff.

    Raises PaymentNotFound, also for the payment of another customer. Locks: the payment if asked.
    """
    payment = session.get(Payment, payment_id, with_for_update=lock, populate_existing=True)
    if payment is None or owner not in (None, payment.customer_id):
        raise PaymentNotFound
    return payment


def settled_payment(session: Session, payment_id: UUID) -> Payment | None:
    """Return the payment once nothing is under way, else None."""
    payment = session.get(Payment, payment_id, populate_existing=True)
    return payment if payment is not None and payment.settled else None


def select_payments(
    *, owner: UUID | None, order_id: UUID | None = None, status: str | None = None
) -> Select[tuple[Payment]]:
    """Return the query for a list. owner: the customer who asks, None for staff."""
    wanted: dict[str, Any] = {"customer_id": owner, "order_id": order_id, "status": status}
    return select(Payment).filter_by(**{k: v for k, v in wanted.items() if v is not None})


def capture_payment(session: Session, payment_id: UUID, amount: int | None) -> Payment:
    """Take `amount` (minor units, None for all) of an authorization; the rest is released.

    Raises PaymentNotFound, IllegalMove, CaptureExceedsAuthorized. Locks: the payment.
    Enqueues: payments.execute.
    """
    payment = get_payment(session, payment_id, owner=None, lock=True)
    payment.allows(PaymentEvent.CAPTURE)
    wanted = payment.amount if amount is None else amount
    if wanted > payment.amount:
        raise CaptureExceedsAuthorized
    payment.move(PaymentEvent.CAPTURE)
    begin_operation(session, payment, OperationKind.CAPTURE, wanted)
    return payment


def cancel_payment(session: Session, payment_id: UUID, *, owner: UUID | None) -> Payment:
    """Cancel a payment that took no money; one that is canceled already stays so.

    Raises PaymentNotFound, IllegalMove. Locks: the payment, then its operation.
    Enqueues: payments.execute where the provider holds an authorization.
    """
    payment = get_payment(session, payment_id, owner=owner, lock=True)
    if payment.status == PaymentStatus.CANCELED:
        return payment
    if payment.status == PaymentStatus.PROCESSING:
        if not cancel_unstarted(session, payment):
            raise IllegalMove("The provider is being asked already; wait for its answer")
        return payment
    void_payment(session, payment)
    return payment
