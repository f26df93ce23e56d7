"""How often one receiver gets messages, and all together in a day."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import cast

from sqlalchemy import Table, bindparam, func, or_, select, text
from sqlalchemy.orm import Session

from notification_service.models.lifecycle import MessageState
from notification_service.models.messages import Category, Message
from notification_service.models.receivers import Channel

LIMITED = "limit_exceeded"
BUDGET = "budget_exhausted"
# Kinds of failure before anything was tried: they use up nobody's limit.
_NEVER_TRIED = (LIMITED, BUDGET, "suppressed", "not_wanted")


@dataclass(frozen=True)
class Window:
    """At most `most` messages in any `span`."""

    span: timedelta
    most: int


_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
# For numbers what Chinese carriers enforce by default (Aliyun's flow control): more would be
# refused there. For mailboxes no more than a guard against loops.
WINDOWS: dict[tuple[Channel, Category], tuple[Window, ...]] = {
    (Channel.SMS, Category.CODE): (Window(_MINUTE, 1), Window(_HOUR, 5), Window(_DAY, 10)),
    (Channel.SMS, Category.NOTICE): (Window(_DAY, 50),),
    (Channel.SMS, Category.MARKETING): (Window(_DAY, 2),),
    (Channel.EMAIL, Category.CODE): (Window(_HOUR, 10), Window(_DAY, 30)),
    (Channel.EMAIL, Category.NOTICE): (Window(_DAY, 200),),
    (Channel.EMAIL, Category.MARKETING): (Window(_DAY, 2),),
}

# Built once, which costs more than running them; on the table, which costs less than on the model.
_message = cast(Table, Message.__table__).c
_COUNTED = select(
    _message.receiver, func.coalesce(_message.submitted_at, _message.due_at, _message.created_at)
).where(
    _message.receiver.in_(bindparam("receivers", expanding=True)),
    _message.channel == bindparam("channel"),
    _message.category == bindparam("category"),
    _message.created_at > bindparam("since"),
    _message.state != MessageState.CANCELLED,
    or_(_message.failure_kind.is_(None), _message.failure_kind.not_in(_NEVER_TRIED)),
)
_LOCK = text("SELECT count(pg_advisory_xact_lock(key)) FROM unnest(CAST(:keys AS bigint[])) key")


def first_free(times: Iterable[datetime], windows: Sequence[Window], now: datetime) -> datetime:
    """Return when the next message may go, with others at `times`, past or planned."""
    newest_first = sorted(times, reverse=True)
    free = now
    for window in windows:
        if len(newest_first) >= window.most:
            # The one whose leaving the window makes room.
            free = max(free, newest_first[window.most - 1] + window.span)
    return free


def lock_receivers(session: Session, channel: Channel, receivers: Iterable[str]) -> None:
    """Let nobody else count or add messages of these receivers until the transaction ends."""
    lock_keys(session, [f"{channel}:{receiver}" for receiver in receivers])


def lock_keys(session: Session, names: Iterable[str]) -> None:
    """Lock names until the transaction ends.

    Locks: an advisory lock for each, in order, so that two callers cannot block one another.
    """
    session.execute(_LOCK, {"keys": sorted({_key(name) for name in names})})


def _key(name: str) -> int:
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)


def next_free(
    session: Session, channel: Channel, category: Category, receivers: Sequence[str], now: datetime
) -> Mapping[str, datetime]:
    """Return when each receiver may get the next message; the caller holds their locks."""
    windows = WINDOWS[channel, category]
    longest = max(window.span for window in windows)
    wanted = {
        "receivers": receivers,
        "channel": channel,
        "category": category,
        # One that waited may have gone out later than it was made, by its own lifetime at most.
        "since": now - 2 * longest,
    }
    times: dict[str, list[datetime]] = {receiver: [] for receiver in receivers}
    for receiver, moment in session.execute(_COUNTED, wanted):
        times[receiver].append(moment)
    return {receiver: first_free(found, windows, now) for receiver, found in times.items()}


def budget_left(session: Session, budget: int, now: datetime) -> int | None:
    """Return how many SMS may still be submitted within 24 hours; None: no limit is set."""
    if not budget:
        return None
    sent = session.scalar(
        select(func.count()).where(
            Message.channel == Channel.SMS,
            Message.created_at > now - _DAY,
            or_(Message.failure_kind.is_(None), Message.failure_kind.not_in(_NEVER_TRIED)),
        )
    )
    return max(0, budget - int(sent or 0))
