"""Orders that wait for money; order-service opens and closes them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from chassis.base_model import new_id
from chassis.money import Money
from payment_service.models.lifecycle import ACTIVE, PaymentEvent, PaymentStatus
from payment_service.models.operations import Operation, OperationKind, OperationState
from payment_service.models.payables import Payable, PayableStatus
from payment_service.models.payments import Payment
from payment_service.services.operations import begin_operation


def open_payable(
    session: Session, *, order_id: UUID, customer_id: UUID, money: Money, expires_at: datetime
) -> None:
    """Let the customer pay for the order; without effect on an order that is known already.

    A row that exists is the same announcement again, or the tombstone of a closing that came first.
    """
    row = {
        "order_id": order_id,
        "status": PayableStatus.OPEN,
        "customer_id": customer_id,
        "amount": money.amount,
        "currency": money.currency,
        "expires_at": expires_at,
    }
    session.execute(insert(Payable).values(id=new_id(), **row).on_conflict_do_nothing())


def lock_payable(session: Session, order_id: UUID) -> Payable | None:
    """Return the payable of the order, locked until the transaction ends."""
    return session.scalars(
        select(Payable)
        .where(Payable.order_id == order_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def close_payable(session: Session, order_id: UUID, reason: str) -> None:
    """Accept no more money for the order, and let go of what is held.

    An order that is not known yet gets a tombstone. A charge under way is left alone: if it comes
    through, order-service hears of it and asks for the refund.
    Locks: the payable, then the payment, then its operation. Enqueues: payments.execute for a void.
    """
    row = {"order_id": order_id, "status": PayableStatus.CLOSED, "closed_reason": reason}
    session.execute(insert(Payable).values(id=new_id(), **row).on_conflict_do_nothing())
    payable = lock_payable(session, order_id)
    if payable is None or payable.amount is None:
        # A tombstone: nobody can have paid for an order that was never payable.
        return
    payable.close(reason)
    session.flush()
    payment = session.scalars(
        select(Payment)
        .where(Payment.order_id == order_id, Payment.status.in_(ACTIVE))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if payment is None:
        return
    if payment.status == PaymentStatus.PROCESSING:
        cancel_unstarted(session, payment)
    release_if_closed(session, payment)


def cancel_unstarted(session: Session, payment: Payment) -> bool:
    """Cancel a payment whose first call to the provider has not begun; tell whether that was so.

    Locks: the operation. A worker that is claiming it at this moment wins.
    """
    operation = session.scalars(
        select(Operation)
        .where(
            Operation.payment_id == payment.id,
            Operation.kind.in_((OperationKind.AUTHORIZE, OperationKind.CHARGE)),
            Operation.state != OperationState.DONE,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if operation is None or operation.state != OperationState.DUE:
        return False
    operation.finish()
    payment.move(PaymentEvent.VOIDED)
    return True


def release_if_closed(session: Session, payment: Payment) -> None:
    """Let go of what a payment holds when its order is no longer payable.

    Called wherever a payment comes to rest, because the order may have ended while the provider was
    being asked. The caller holds the payment's lock. Enqueues: payments.execute for a void.
    """
    if payment.status not in (PaymentStatus.AUTHORIZED, PaymentStatus.REQUIRES_ACTION):
        return
    status = session.scalars(
        select(Payable.status).where(Payable.order_id == payment.order_id)
    ).one_or_none()
    if status == PayableStatus.OPEN:
        return
    void_payment(session, payment)


def void_payment(session: Session, payment: Payment) -> None:
    """Cancel a payment that took no money; the caller holds its lock. Raises IllegalMove.

    Enqueues: payments.execute where the provider holds an authorization.
    """
    if payment.status == PaymentStatus.REQUIRES_ACTION:
        payment.move(PaymentEvent.VOIDED)
        return
    payment.move(PaymentEvent.VOID)
    begin_operation(session, payment, OperationKind.CANCEL, payment.amount)
