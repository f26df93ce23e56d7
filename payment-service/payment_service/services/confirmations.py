"""The customer's confirmation at the provider, told by the client or by the provider's webhook."""

from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from chassis import clock
from payment_service.models.errors import IllegalMove, OrderNotPayable
from payment_service.models.lifecycle import PaymentEvent, PaymentStatus
from payment_service.models.operations import Operation
from payment_service.models.payables import Payable
from payment_service.models.payments import Payment
from payment_service.services.announcements import announce_failed
from payment_service.services.operations import begin_operation
from payment_service.services.payments import first_step, get_payment


def confirm_payment(session: Session, payment_id: UUID, *, owner: UUID | None) -> Payment:
    """Go on after the customer has confirmed at the provider.

    The client's return and the provider's webhook both lead here; whichever comes second finds
    the work begun and changes nothing.
    Raises PaymentNotFound, IllegalMove, OrderNotPayable. Locks: the payment.
    Enqueues: payments.execute.
    """
    payment = get_payment(session, payment_id, owner=owner, lock=True)
    if payment.status != PaymentStatus.REQUIRES_ACTION and _was_confirmed(session, payment):
        return payment
    payment.allows(PaymentEvent.CONFIRM)
    payable = session.scalars(
        select(Payable)
        .where(Payable.order_id == payment.order_id)
        .execution_options(populate_existing=True)
    ).one()
    if not payable.payable_by(payment.customer_id, clock.now()):
        raise OrderNotPayable
    reference = payment.provider_reference
    payment.move(PaymentEvent.CONFIRM)
    kind = first_step(payment)
    begin_operation(session, payment, kind, payment.amount, action_reference=reference)
    return payment


def _was_confirmed(session: Session, payment: Payment) -> bool:
    confirmed = exists().where(
        Operation.payment_id == payment.id, Operation.action_reference.is_not(None)
    )
    return bool(session.scalar(select(confirmed)))


def refuse_confirmation(session: Session, payment_id: UUID) -> Payment:
    """End a payment whose customer did not confirm; the order can be paid again.

    Raises PaymentNotFound, IllegalMove. Publishes: payment.failed.v1. Locks: the payment.
    """
    payment = get_payment(session, payment_id, owner=None, lock=True)
    if payment.status != PaymentStatus.REQUIRES_ACTION:
        raise IllegalMove("The payment waits for no confirmation")
    payment.fail("action_failed", "The payment was not confirmed.")
    announce_failed(session, payment)
    return payment
