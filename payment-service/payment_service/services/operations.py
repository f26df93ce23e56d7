"""Operations at the provider: decided here, claimed by one worker at a time."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from chassis import clock
from chassis.messaging import outbox
from chassis.money import Money
from payment_service.models.operations import Operation, OperationKind, OperationState
from payment_service.models.payments import Payment

# The sweep leaves a new operation to its task for so long.
HEAD_START = timedelta(seconds=3)


@dataclass(frozen=True, kw_only=True)
class Timing:
    """How long to wait for what; see the settings of the same names."""

    lease: timedelta = timedelta(seconds=15)
    grace: timedelta = timedelta(seconds=30)
    lookup_interval: timedelta = timedelta(seconds=2)
    retry_limit: int = 8


@dataclass(frozen=True, kw_only=True)
class Command:
    """All that a call to the provider needs, read before the transaction ended.

    give_up: the provider had its time; when it does not know the key now, it never will.
    """

    operation_id: UUID
    payment_id: UUID
    kind: OperationKind
    key: str
    money: Money
    source: str
    reference: str | None
    action_reference: str | None
    give_up: bool


def begin_operation(
    session: Session,
    payment: Payment,
    kind: OperationKind,
    amount: int,
    *,
    refund_id: UUID | None = None,
    action_reference: str | None = None,
) -> Operation:
    """Decide on an operation and tell the worker; the caller holds the payment's lock.

    amount: minor units. Enqueues: payments.execute.
    """
    payment.operations_count += 1
    # A new payment or refund first: it gets its id there, and has to exist for the foreign key.
    session.flush()
    operation = Operation(
        payment_id=payment.id,
        refund_id=refund_id,
        kind=kind,
        key=f"{payment.id}:{kind}:{payment.operations_count}",
        amount=amount,
        action_reference=action_reference,
        due_at=clock.now() + HEAD_START,
    )
    session.add(operation)
    session.flush()
    outbox.enqueue(session, "payments.execute", operation_id=str(operation.id))
    return operation


def claim_operation(session: Session, operation_id: UUID, timing: Timing) -> Command | None:
    """Claim an operation that nobody has begun; None where there is nothing to do.

    Locks: the operation, SKIP LOCKED, until the transaction ends; then the lease protects it.
    """
    return _claim(session, Operation.id == operation_id, timing)


def claim_next_due(session: Session, timing: Timing) -> Command | None:
    """Claim the oldest operation whose task got lost or whose turn has come again."""
    return _claim(session, Operation.due_at <= clock.now(), timing)


def claim_next_unsettled(session: Session, timing: Timing) -> Command | None:
    """Claim the oldest operation to look up: its worker died, or the provider did not answer.

    Locks: the operation, SKIP LOCKED; afterwards nobody else looks it up for an interval.
    """
    now = clock.now()
    lost = Operation.state.in_((OperationState.STARTED, OperationState.UNKNOWN))
    operation = _lock_first(session, lost & (Operation.due_at <= now))
    if operation is None:
        return None
    started = operation.started_at or now
    operation.due_at = now + max(timing.lookup_interval, timing.lease)
    return _command(session, operation, give_up=now >= started + timing.grace)


def _claim(session: Session, which: ColumnElement[bool], timing: Timing) -> Command | None:
    operation = _lock_first(session, which & (Operation.state == OperationState.DUE))
    if operation is None:
        return None
    operation.start(clock.now(), timing.lease)
    return _command(session, operation, give_up=False)


def _lock_first(session: Session, which: ColumnElement[bool]) -> Operation | None:
    return session.scalars(
        select(Operation)
        .where(which)
        .order_by(Operation.due_at)
        .limit(1)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).first()


def _command(session: Session, operation: Operation, *, give_up: bool) -> Command:
    columns = (Payment.currency, Payment.source, Payment.provider_reference)
    payment = session.execute(select(*columns).where(Payment.id == operation.payment_id)).one()
    return Command(
        operation_id=operation.id,
        payment_id=operation.payment_id,
        kind=OperationKind(operation.kind),
        key=operation.key,
        money=Money(operation.amount, payment.currency),
        source=payment.source,
        reference=payment.provider_reference,
        action_reference=operation.action_reference,
        give_up=give_up,
    )
