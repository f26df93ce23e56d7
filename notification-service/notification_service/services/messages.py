"""Looking at messages, sending one again, and withdrawing one."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, selectinload

from chassis import clock
from notification_service.models.errors import ContentGone, IllegalMove, MessageNotFound
from notification_service.models.lifecycle import MessageState
from notification_service.models.messages import Category, Message
from notification_service.models.receivers import Channel
from notification_service.services.content import open_params
from notification_service.services.policy import Addressee, Policy
from notification_service.services.submit import Submission, submit

_FILTERS = ("state", "channel", "category", "template", "receiver", "submission_id", "user_id")
_UNDER_WAY = (MessageState.QUEUED, MessageState.SENDING)


def select_messages(owner: UUID | None, filters: Mapping[str, Any]) -> Select[tuple[Message]]:
    """Return the query for a list. owner: whose messages may be seen; None: everybody's."""
    found = select(Message)
    if owner is not None:
        found = found.where(Message.user_id == owner)
    for name in _FILTERS:
        if name in filters:
            found = found.where(getattr(Message, name) == filters[name])
    if "created_from" in filters:
        found = found.where(Message.created_at >= filters["created_from"])
    if "created_to" in filters:
        found = found.where(Message.created_at < filters["created_to"])
    return found


def get_message(session: Session, message_id: UUID, owner: UUID | None) -> Message:
    """Return a message with its attempts; raises MessageNotFound, also for somebody else's."""
    found = session.scalars(
        select(Message).where(Message.id == message_id).options(selectinload(Message.attempts))
    ).one_or_none()
    if found is None or (owner is not None and found.user_id != owner):
        raise MessageNotFound
    return found


def cancel_message(session: Session, message_id: UUID) -> Message:
    """Withdraw a message that no worker has yet; raises MessageNotFound, IllegalMove.

    Locks: the message. A worker that is claiming it at this moment wins.
    """
    message = _lock(session, message_id)
    if message.state != MessageState.QUEUED:
        raise IllegalMove(f"A message in state {message.state} does not allow this")
    message.cancel(clock.now())
    return get_message(session, message_id, None)


def resend_message(session: Session, policy: Policy, message_id: UUID, by: UUID) -> Message:
    """Submit the same text to the same receiver anew, within the receiver's limits.

    For an unknown message this is the decision that only a person can make: it may arrive twice.
    Raises MessageNotFound, IllegalMove while it is under way, ContentGone for codes and old texts.
    Locks: the message, then the receiver.
    """
    message = _lock(session, message_id)
    if message.state in _UNDER_WAY:
        raise IllegalMove(f"A message in state {message.state} does not allow this")
    if message.sealed is None or message.category == Category.CODE:
        raise ContentGone
    submission = Submission(
        channel=Channel(message.channel),
        template=message.template,
        params=open_params(policy, message.sealed),
        addressees=[
            Addressee(receiver=message.receiver, user_id=message.user_id, locale=message.locale)
        ],
        submitted_by=by,
    )
    (again,) = submit(session, policy, submission)
    return get_message(session, again.id, None)


def _lock(session: Session, message_id: UUID) -> Message:
    found = session.get(Message, message_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise MessageNotFound
    return found
