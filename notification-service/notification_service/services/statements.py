"""The statements that every message needs, built once: building one costs more than running it."""

from typing import cast

from sqlalchemy import Table, bindparam, case, insert, null, select, update

from notification_service.models.lifecycle import MessageState
from notification_service.models.messages import Attempt, AttemptState, Category, Message

# What is read of a message that is to be sent or asked for.
PARCEL = (
    "id",
    "channel",
    "receiver",
    "template",
    "locale",
    "sealed",
    "tries",
    "lookups",
    "refused_by",
    "provider",
    "provider_id",
    "submitted_at",
    "expires_at",
    "due_at",
)
# As tables: the ORM would prepare to find each changed row among the objects of the session.
_messages, _attempts = cast(Table, Message.__table__), cast(Table, Attempt.__table__)
_message, _attempt = _messages.c, _attempts.c

# Parameters: now, lease_until, most. Chosen in a CTE, which runs once: a subquery might be run
# again for each row, beyond its limit.
_due = (
    select(_message.id)
    .where(_message.state == MessageState.QUEUED, _message.due_at <= bindparam("now"))
    .order_by(_message.priority, _message.due_at)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
    .cte("chosen")
)
CLAIM = (
    update(_messages)
    .where(_message.id == _due.c.id)
    .values(
        state=MessageState.SENDING, due_at=bindparam("lease_until"), updated_at=bindparam("now")
    )
    .returning(*(_message[name] for name in PARCEL))
)

# Parameters: of, claimed_until, lease_until, by, at. Changes nothing where the claim was lost.
HOLD = (
    update(_messages)
    .where(
        _message.id == bindparam("of"),
        _message.state == MessageState.SENDING,
        _message.due_at == bindparam("claimed_until"),
    )
    .values(
        due_at=bindparam("lease_until"),
        tries=_message.tries + 1,
        provider=bindparam("by"),
        submitted_at=bindparam("at"),
        updated_at=bindparam("at"),
    )
)

# Parameters: attempt, of, by, at.
OPEN = insert(_attempts).values(
    id=bindparam("attempt"),
    message_id=bindparam("of"),
    provider=bindparam("by"),
    state=AttemptState.CALLING,
    created_at=bindparam("at"),
    updated_at=bindparam("at"),
)

# Parameters: of, now_is, their_id, counted, at, settled. Also for one that was in doubt already.
ACCEPT = (
    update(_messages)
    .where(
        _message.id == bindparam("of"),
        _message.state.in_((MessageState.SENDING, MessageState.UNKNOWN)),
    )
    .values(
        state=bindparam("now_is"),
        due_at=None,
        provider_id=bindparam("their_id"),
        segments=bindparam("counted"),
        sent_at=bindparam("at"),
        settled_at=bindparam("settled"),
        # A code has done its work; nobody sends it again.
        sealed=case((_message.category == Category.CODE, null()), else_=_message.sealed),
        updated_at=bindparam("at"),
    )
)

# Parameters: attempt, their_id, at.
CLOSE = (
    update(_attempts)
    .where(_attempt.id == bindparam("attempt"))
    .values(
        state=AttemptState.ACCEPTED,
        provider_id=bindparam("their_id"),
        ended_at=bindparam("at"),
        updated_at=bindparam("at"),
    )
)
