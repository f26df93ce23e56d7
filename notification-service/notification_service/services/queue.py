"""The queue in the messages table: claimed by one worker at a time, never lost with it."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, select, update
from sqlalchemy.orm import Session

from notification_service.models.lifecycle import MessageState
from notification_service.models.messages import Attempt, AttemptState, Message
from notification_service.models.receivers import Channel
from notification_service.services.carriers import Parcel
from notification_service.services.policy import Timing
from notification_service.services.statements import CLAIM, PARCEL

_COLUMNS = tuple(getattr(Message, name) for name in PARCEL)
_HOUR = timedelta(hours=1)
# Questions about messages are given up so long after they were to be sent.
LOOKUPS_END = timedelta(days=1)


def claim(session: Session, most: int, timing: Timing, now: datetime) -> list[Parcel]:
    """Claim messages to send: codes first, then the oldest.

    Nothing is sent yet: if this worker dies before `begin_attempt`, another one begins anew.
    Locks: the messages, SKIP LOCKED, until the transaction ends; then the lease protects them.
    """
    rows = session.execute(CLAIM, {"now": now, "lease_until": now + timing.lease, "most": most})
    return [_parcel(row) for row in rows]


def claim_unknown(session: Session, most: int, timing: Timing, now: datetime) -> list[Parcel]:
    """Claim messages whose fate is to be asked for; the next question is twice as far away.

    Locks: the messages, SKIP LOCKED.
    """
    due = _first(Message.state == MessageState.UNKNOWN, Message.due_at <= now, most=most)
    parcels = []
    for row in session.execute(select(*_COLUMNS).where(Message.id.in_(due))).all():
        wait = min(timing.lookup_interval * 2 ** min(row.lookups + 1, 16), _HOUR)
        last = now > row.expires_at + LOOKUPS_END
        session.execute(
            update(Message)
            .where(Message.id == row.id)
            .values(lookups=row.lookups + 1, due_at=None if last else now + wait)
        )
        parcels.append(_parcel(row))
    return parcels


def recover(session: Session, now: datetime) -> int:
    """Take back what dead workers had; return how many messages.

    What was not handed to a provider yet is queued again; of the rest nobody knows. Its attempt is
    closed, but an answer that comes after all still counts.
    Locks: the messages, SKIP LOCKED.
    """
    lost = Message.state == MessageState.SENDING
    ids = set(session.scalars(_first(lost, Message.due_at < now, most=500)))
    if not ids:
        return 0
    open_calls = select(Attempt.message_id).where(
        Attempt.message_id.in_(ids), Attempt.state == AttemptState.CALLING
    )
    called = set(session.scalars(open_calls))
    for group, state in ((called, MessageState.UNKNOWN), (ids - called, MessageState.QUEUED)):
        session.execute(
            update(Message)
            .where(Message.id.in_(group))
            .values(state=state, due_at=now, updated_at=now)
            .execution_options(synchronize_session=False)
        )
    session.execute(
        update(Attempt)
        .where(Attempt.message_id.in_(called), Attempt.state == AttemptState.CALLING)
        .values(state=AttemptState.UNKNOWN, kind="unknown", code="worker_died", ended_at=now)
        .execution_options(synchronize_session=False)
    )
    return len(ids)


def _first(*conditions: ColumnElement[bool], most: int) -> Any:
    chosen = select(Message.id).where(*conditions).order_by(Message.due_at).limit(most)
    return chosen.with_for_update(skip_locked=True)


def _parcel(row: Row[Any]) -> Parcel:
    return Parcel(
        id=row.id,
        channel=Channel(row.channel),
        receiver=row.receiver,
        template=row.template,
        locale=row.locale,
        sealed=row.sealed,
        tries=row.tries,
        lookups=row.lookups,
        refused_by=row.refused_by,
        provider=row.provider,
        provider_id=row.provider_id,
        submitted_at=row.submitted_at,
        expires_at=row.expires_at,
        claimed_until=row.due_at,
    )
