"""Telling customers what happened to them: from an event to the messages that they want."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.orm import Session

from chassis import clock
from notification_service.models.contacts import Contact, WaitingNews
from notification_service.models.preferences import Preference
from notification_service.models.receivers import (
    Channel,
    NotReachable,
    mail_address,
    masked,
    mobile_number,
)
from notification_service.services.contacts import find_contact, lock_user
from notification_service.services.policy import Addressee, Policy
from notification_service.services.preferences import find_preference
from notification_service.services.submit import Submission, submit

logger = logging.getLogger(__name__)

_WAITS = timedelta(days=7)


@dataclass(frozen=True)
class News:
    """What a user is to be told. params: without `name`, which the contact has."""

    user_id: UUID
    template: str
    params: Mapping[str, str]


def tell(session: Session, policy: Policy, news: News) -> None:
    """Submit the news on every channel that the user wants; wait where the user is not known yet.

    Locks: the user's contact, then the receivers.
    """
    lock_user(session, news.user_id)
    contact = find_contact(session, news.user_id)
    if contact is None:
        session.add(
            WaitingNews(
                user_id=news.user_id,
                template=news.template,
                params=dict(news.params),
                expires_at=clock.now() + _WAITS,
            )
        )
        about = {"user_id": str(news.user_id), "template": news.template}
        logger.warning("news wait for a contact", extra=about)
    elif contact.active:
        _submit(session, policy, contact, news)


def tell_waiting(session: Session, policy: Policy, user_id: UUID) -> None:
    """Submit what waited for the user's contact; the caller holds its lock."""
    contact = find_contact(session, user_id)
    if contact is None or not contact.active:
        return
    waiting = delete(WaitingNews).where(WaitingNews.user_id == user_id)
    columns = (WaitingNews.id, WaitingNews.template, WaitingNews.params)
    for row in sorted(session.execute(waiting.returning(*columns)).all()):
        _submit(session, policy, contact, News(user_id, row.template, row.params))


def _submit(session: Session, policy: Policy, contact: Contact, news: News) -> None:
    preference = find_preference(session, news.user_id)
    template = policy.registry.get(news.template)
    for channel, receiver in _ways(policy, contact, preference):
        if channel in template.channels:
            submission = Submission(
                channel=channel,
                template=news.template,
                params={"name": contact.name, **news.params},
                addressees=[
                    Addressee(receiver=receiver, user_id=news.user_id, locale=contact.locale)
                ],
            )
            submit(session, policy, submission)


def _ways(policy: Policy, contact: Contact, preference: Preference) -> list[tuple[Channel, str]]:
    """Return the channels that the user wants and can be reached on."""
    ways = []
    for channel in Channel:
        if preference.wants_news(channel):
            try:
                ways.append((channel, _receiver(policy, contact, channel)))
            except NotReachable as problem:
                about = {"user_id": str(contact.user_id), "channel": channel.value}
                logger.info("user not reachable", extra={**about, "reason": str(problem)})
    return ways


def _receiver(policy: Policy, contact: Contact, channel: Channel) -> str:
    if channel is Channel.EMAIL:
        return mail_address(contact.email)
    if not contact.phone_verified:
        # News of orders are not for whoever has a number that was typed in wrongly.
        raise NotReachable("Is not verified.")
    return mobile_number(contact.phone or "", regions=policy.regions)


@dataclass(frozen=True, kw_only=True)
class Verification:
    """A code that a user asked for, opened."""

    purpose: str
    channel: Channel
    receiver: str
    user_id: UUID | None
    locale: str | None
    code: str
    expires_at: datetime


PURPOSES = ("verify_email", "verify_phone", "reset_password")
_TEMPLATES = {**{purpose: purpose for purpose in PURPOSES}, "login": "login_code"}


def send_code(session: Session, policy: Policy, asked: Verification) -> None:
    """Submit a code; one that is no longer valid is not sent. Locks: the receiver."""
    left = asked.expires_at - clock.now()
    if left <= timedelta(0):
        logger.warning("code came too late to be sent", extra={"purpose": asked.purpose})
        return
    try:
        receiver = (
            mail_address(asked.receiver)
            if asked.channel is Channel.EMAIL
            else mobile_number(asked.receiver, regions=policy.regions)
        )
    except NotReachable as problem:
        about = {"purpose": asked.purpose, "receiver": masked(asked.receiver)}
        logger.warning("code cannot be sent", extra={**about, "reason": str(problem)})
        return
    minutes = max(1, round(left.total_seconds() / 60))
    submission = Submission(
        channel=asked.channel,
        template=_TEMPLATES[asked.purpose],
        params={"code": asked.code, "minutes": str(minutes)},
        addressees=[Addressee(receiver=receiver, user_id=asked.user_id, locale=asked.locale)],
        expires_at=asked.expires_at,
    )
    submit(session, policy, submission)


def warn_owner(
    session: Session,
    policy: Policy,
    *,
    user_id: UUID,
    email: str,
    locale: str | None,
    params: Mapping[str, str],
) -> None:
    """Mail to the owner of an account, at the address that it had, that the way in was changed.

    Nobody can choose to be spared this. Locks: the receiver.
    """
    try:
        receiver = mail_address(email)
    except NotReachable:
        logger.warning("owner not reachable", extra={"user_id": str(user_id)})
        return
    submission = Submission(
        channel=Channel.EMAIL,
        template="security_changed",
        params=params,
        addressees=[Addressee(receiver=receiver, user_id=user_id, locale=locale)],
        insist=True,
    )
    submit(session, policy, submission)
