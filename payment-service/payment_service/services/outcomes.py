"""What an operation's outcome does to its payment: one transaction, exactly once."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis import clock
from payment_service.models.ledger import capture_entries, refund_entries
from payment_service.models.lifecycle import PaymentEvent
from payment_service.models.operations import Attempt, Operation, OperationKind, OperationState
from payment_service.models.payments import Payment
from payment_service.models.refunds import Refund, RefundStatus
from payment_service.providers.port import ActionRequired, Approved
from payment_service.services.announcements import (
    announce_failed,
    announce_refunded,
    announce_succeeded,
)
from payment_service.services.ledger import post_entries
from payment_service.services.operations import Timing
from payment_service.services.payables import release_if_closed

logger = logging.getLogger(__name__)

_LONGEST_PAUSE = timedelta(minutes=1)


@dataclass(frozen=True)
class Refused:
    """The provider said no."""

    code: str
    message: str


class Silence(StrEnum):
    """What we know when the provider did not answer the question."""

    TIMED_OUT = "timed_out"  # it may have been done
    UNREACHED = "unreached"  # it was not done
    NOT_FOUND = "not_found"  # not done so far, and may yet arrive
    GIVEN_UP = "given_up"  # not done, and the key is closed for ever


Outcome = Approved | ActionRequired | Refused | Silence


def apply_outcome(
    session: Session, operation_id: UUID, outcome: Outcome, timing: Timing
) -> Payment:
    """Apply what came of an operation; without effect when that was done before.

    Publishes: payment.succeeded.v1, payment.failed.v1 or payment.refunded.v1.
    Locks: the payment, then the operation.
    """
    payment, operation = _lock(session, operation_id)
    if operation.state == OperationState.DONE:
        return payment
    _note_attempt(session, operation, outcome)
    match outcome:
        case Silence.TIMED_OUT | Silence.NOT_FOUND:
            _wait_for_news(payment, operation, outcome, timing)
        case Silence.UNREACHED:
            _try_again(session, payment, operation, timing)
        case Silence.GIVEN_UP:
            _not_done(session, payment, operation, "provider_timeout")
        case Refused():
            _refuse(session, payment, operation, outcome)
        case ActionRequired():
            operation.finish()
            payment.need_action(outcome.reference, outcome.url)
        case Approved():
            operation.finish()
            _APPROVED[OperationKind(operation.kind)](session, payment, operation, outcome)
    release_if_closed(session, payment)
    return payment


def _lock(session: Session, operation_id: UUID) -> tuple[Payment, Operation]:
    payment_id = session.scalars(
        select(Operation.payment_id).where(Operation.id == operation_id)
    ).one()
    payment = session.get_one(Payment, payment_id, with_for_update=True, populate_existing=True)
    operation = session.get_one(
        Operation, operation_id, with_for_update=True, populate_existing=True
    )
    return payment, operation


def _note_attempt(session: Session, operation: Operation, outcome: Outcome) -> None:
    if outcome == Silence.NOT_FOUND:
        # Asked every few seconds; only answers are worth a row.
        return
    label = outcome.value if isinstance(outcome, Silence) else _LABELS[type(outcome)]
    session.add(
        Attempt(
            payment_id=operation.payment_id,
            operation_id=operation.id,
            kind=operation.kind,
            outcome=label,
            code=getattr(outcome, "code", None),
            provider_reference=getattr(outcome, "reference", None),
        )
    )


_LABELS: dict[type, str] = {
    Approved: "approved",
    ActionRequired: "action_required",
    Refused: "declined",
}


def _wait_for_news(
    payment: Payment, operation: Operation, outcome: Silence, timing: Timing
) -> None:
    if outcome == Silence.NOT_FOUND and not operation.takes_money:
        # Giving back or letting go has to happen in the end, and the key makes it happen once.
        operation.postpone(clock.now())
        return
    operation.park(clock.now() + timing.lookup_interval)
    if operation.kind != OperationKind.REFUND:
        payment.move(PaymentEvent.LOST)


def _try_again(session: Session, payment: Payment, operation: Operation, timing: Timing) -> None:
    if operation.takes_money and operation.attempts >= timing.retry_limit:
        # The customer is waiting; for a refund or a void nobody has to decide anything.
        _not_done(session, payment, operation, "provider_unavailable")
        return
    pause = timedelta(seconds=2 ** min(operation.attempts, 10))
    operation.postpone(clock.now() + min(pause, _LONGEST_PAUSE))


def _not_done(session: Session, payment: Payment, operation: Operation, code: str) -> None:
    operation.finish()
    if operation.kind == OperationKind.CAPTURE:
        payment.move(PaymentEvent.REVERTED)
        return
    payment.fail(code, "The payment provider did not answer; nothing was charged.")
    announce_failed(session, payment)


def _refuse(session: Session, payment: Payment, operation: Operation, refused: Refused) -> None:
    operation.finish()
    if operation.kind == OperationKind.REFUND:
        refund = _refund_of(session, operation)
        refund.status, refund.failure_code = RefundStatus.FAILED, refused.code
        logger.warning("refund refused", extra={"refund_id": str(refund.id), "code": refused.code})
    elif operation.kind == OperationKind.CANCEL:
        # Nothing is held any more, which is what the void was for: holds expire by themselves.
        payment.move(PaymentEvent.VOIDED)
        logger.warning("void refused", extra={"payment_id": str(payment.id), "code": refused.code})
    else:
        payment.fail(refused.code, refused.message)
        announce_failed(session, payment)


def _authorized(
    session: Session, payment: Payment, operation: Operation, approved: Approved
) -> None:
    payment.authorize(approved.reference)


def _captured(session: Session, payment: Payment, operation: Operation, approved: Approved) -> None:
    payment.capture(approved.reference, approved.amount)
    post_entries(session, payment, operation, capture_entries(approved.amount))
    announce_succeeded(session, payment)


def _voided(session: Session, payment: Payment, operation: Operation, approved: Approved) -> None:
    payment.move(PaymentEvent.VOIDED)


def _refunded(session: Session, payment: Payment, operation: Operation, approved: Approved) -> None:
    refund = _refund_of(session, operation)
    refund.status = RefundStatus.SUCCEEDED
    payment.refunded_amount += refund.amount
    post_entries(session, payment, operation, refund_entries(refund.amount))
    announce_refunded(session, payment, refund)


_APPROVED: dict[OperationKind, Callable[[Session, Payment, Operation, Approved], None]] = {
    OperationKind.AUTHORIZE: _authorized,
    OperationKind.CHARGE: _captured,
    OperationKind.CAPTURE: _captured,
    OperationKind.CANCEL: _voided,
    OperationKind.REFUND: _refunded,
}


def _refund_of(session: Session, operation: Operation) -> Refund:
    return session.get_one(Refund, operation.refund_id, populate_existing=True)
