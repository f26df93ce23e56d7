"""What a call to a provider does to its message: written before the call, and after it."""

import logging
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from chassis import clock
from chassis.base_model import new_id
from notification_service.models.lifecycle import MessageState, may_move
from notification_service.models.messages import Attempt, AttemptState, Category, Message
from notification_service.models.receivers import Channel
from notification_service.models.suppressions import Scope
from notification_service.providers.port import ErrorClass, ProviderError, Receipt, Submitted
from notification_service.services.carriers import Parcel
from notification_service.services.policy import Timing
from notification_service.services.statements import ACCEPT, CLOSE, HOLD, OPEN
from notification_service.services.suppressions import suppress

logger = logging.getLogger(__name__)

# Later, because the provider, the number or the account will do better then.
LATER = frozenset({ErrorClass.RETRYABLE, ErrorClass.THROTTLED_NUMBER, ErrorClass.THROTTLED_ACCOUNT})
# Another provider now: this one has nothing against the number.
ELSEWHERE = frozenset({ErrorClass.CONFIGURATION, ErrorClass.BALANCE, ErrorClass.THROTTLED_ACCOUNT})
_FIRST_DELAY = {ErrorClass.THROTTLED_NUMBER: 30.0, ErrorClass.THROTTLED_ACCOUNT: 5.0}
_LONGEST_DELAY = 300.0


@dataclass(frozen=True)
class Call:
    """A call that is about to be made."""

    attempt_id: UUID
    message_id: UUID


def begin_attempt(
    session: Session, parcel: Parcel, provider: str, timing: Timing, now: datetime
) -> Call | None:
    """Write down that a provider is about to be called; None when the claim was lost meanwhile.

    From here on only an answer tells what happened, whatever becomes of this process.
    """
    held = session.execute(
        HOLD,
        {
            "of": parcel.id,
            "claimed_until": parcel.claimed_until,
            "lease_until": now + timing.lease,
            "by": provider,
            "at": now,
        },
    )
    if held.rowcount != 1:  # type: ignore[attr-defined]
        return None
    call = Call(new_id(), parcel.id)
    attempt = {"attempt": call.attempt_id, "of": parcel.id, "by": provider, "at": now}
    session.execute(OPEN, attempt)
    return call


def accept(session: Session, call: Call, submitted: Submitted, now: datetime) -> None:
    """Note that the provider took the message; also when that was in doubt already."""
    taken = {"their_id": submitted.provider_id, "at": now}
    session.execute(
        ACCEPT,
        {
            **taken,
            "of": call.message_id,
            "now_is": submitted.state,
            "counted": submitted.segments,
            "settled": now if submitted.state == "delivered" else None,
        },
    )
    session.execute(CLOSE, {**taken, "attempt": call.attempt_id})


def refuse(
    session: Session, call: Call, error: ProviderError, others: bool, timing: Timing, now: datetime
) -> None:
    """Decide what follows on a call that failed.

    others: whether another provider could be asked. Locks: the message.
    """
    doubt = error.kind is ErrorClass.UNKNOWN
    state = AttemptState.UNKNOWN if doubt else AttemptState.REFUSED
    _close(session, call, state, now, kind=error.kind.value, code=error.code[:100])
    message = lock_message(session, call.message_id)
    if message.state not in (MessageState.SENDING, MessageState.UNKNOWN):
        return
    if doubt:
        if message.state == MessageState.SENDING:
            message.move(MessageState.UNKNOWN, now)
        message.due_at = now + timing.lookup_interval
    elif error.kind in ELSEWHERE and others:
        message.refused_by = [*message.refused_by, str(message.provider)]
        message.queue(now, now)
    elif error.kind in LATER and message.tries < timing.most_tries:
        _try_later(message, error, now)
    else:
        message.fail(error.kind.value, error.code, now)
        suppress_if_told(session, message, error.kind, error.code)


def _try_later(message: Message, error: ProviderError, now: datetime) -> None:
    first = _FIRST_DELAY.get(error.kind, 1.0)
    delay = min(first * 2 ** (message.tries - 1), _LONGEST_DELAY) * random.uniform(0.75, 1.25)
    due = now + timedelta(seconds=max(delay, error.retry_after or 0.0))
    if due >= message.expires_at:
        message.move(MessageState.EXPIRED, now)
        message.failure_kind, message.failure_code = error.kind.value, error.code[:100]
        return
    # Everybody gets another chance: what was wrong there may have been put right.
    message.refused_by = []
    message.queue(due, now)


def postpone(session: Session, parcel: Parcel, seconds: float, now: datetime) -> None:
    """Give a parcel back that nobody could be asked about."""
    message = lock_message(session, parcel.id)
    if message.state == MessageState.SENDING and message.due_at == parcel.claimed_until:
        wait = max(0.2, seconds) * random.uniform(1.0, 1.25)
        message.queue(now + timedelta(seconds=wait), now)


def end(session: Session, parcel: Parcel, to: MessageState, kind: str, now: datetime) -> None:
    """End a parcel before any call: it has expired, or cannot be written out."""
    message = lock_message(session, parcel.id)
    if message.state == MessageState.SENDING and message.due_at == parcel.claimed_until:
        message.move(to, now)
        message.failure_kind = message.failure_code = kind
        message.sealed = None


def learn(session: Session, message_id: UUID, receipt: Receipt) -> bool:
    """Apply what a provider says became of a message; tell whether that was news.

    Locks: the message.
    """
    message = lock_message(session, message_id)
    to = MessageState(receipt.state)
    message.provider_id = message.provider_id or receipt.provider_id or None
    if to is MessageState.UNKNOWN or not may_move(MessageState(message.state), to):
        return False
    now = clock.now()
    message.move(to, now)
    if to is MessageState.DELIVERED:
        message.failure_kind = message.failure_code = None
    elif to in (MessageState.FAILED, MessageState.EXPIRED):
        kind = receipt.kind.value if receipt.kind else "undelivered"
        message.failure_kind, message.failure_code = kind, receipt.code[:100]
        suppress_if_told(session, message, receipt.kind, receipt.code)
    if message.category == Category.CODE:
        message.sealed = None
    return True


def suppress_if_told(session: Session, message: Message, kind: str | None, code: str) -> None:
    """Spare a receiver that opted out at the provider, and a mailbox that does not exist."""
    gone = kind == ErrorClass.INVALID_RECIPIENT and message.channel == Channel.EMAIL
    if kind == ErrorClass.SUPPRESSED or gone:
        reason = f"{message.provider}: {code}"
        suppress(session, Channel(message.channel), message.receiver, Scope.ALL, reason)


def lock_message(session: Session, message_id: UUID) -> Message:
    """Return a message that exists, locked until the transaction ends."""
    return session.get_one(Message, message_id, with_for_update=True, populate_existing=True)


def unseen(session: Session, parcel: Parcel, timing: Timing, now: datetime) -> None:
    """Send a message again that its provider has certainly never got; not before its grace ends."""
    message = lock_message(session, parcel.id)
    submitted_at = message.submitted_at or now
    if message.state != MessageState.UNKNOWN or now < submitted_at + timing.unseen_grace:
        return
    if now >= message.expires_at:
        message.move(MessageState.EXPIRED, now)
        message.failure_kind, message.failure_code = ErrorClass.UNKNOWN.value, "never_seen"
        message.sealed = None
        return
    message.queue(now, now)


def stop_asking(session: Session, parcel: Parcel) -> None:
    """Leave a message unknown: the provider cannot be asked."""
    lock_message(session, parcel.id).due_at = None


def _close(
    session: Session,
    call: Call,
    state: AttemptState,
    now: datetime,
    **found: str,
) -> None:
    session.execute(
        update(Attempt)
        .where(Attempt.id == call.attempt_id)
        .values(state=state, ended_at=now, updated_at=now, **found)
        .execution_options(synchronize_session=False)
    )
