"""Accepting messages: one row for each receiver, decided now whether and when it may go out."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from chassis import clock
from chassis.base_model import new_id
from notification_service.models.errors import ChannelNotOffered
from notification_service.models.lifecycle import MessageState
from notification_service.models.messages import PRIORITIES, Category, Message
from notification_service.models.receivers import Channel
from notification_service.services.content import seal_params
from notification_service.services.limits import (
    BUDGET,
    LIMITED,
    budget_left,
    lock_receivers,
    next_free,
)
from notification_service.services.policy import Addressee, Policy
from notification_service.services.wishes import read_wishes
from notification_service.templates.params import check_params
from notification_service.templates.registry import Template

logger = logging.getLogger(__name__)

CODE_TTL = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class Submission:
    """What is to be sent to whom. locale: of those whose own is not known. expires_at: when it is
    no longer worth sending; None: as its category has it. insist: whatever the receivers chose;
    suppressions hold all the same."""

    channel: Channel
    template: str
    params: Mapping[str, object]
    addressees: Sequence[Addressee]
    locale: str | None = None
    expires_at: datetime | None = None
    submitted_by: UUID | None = None
    insist: bool = False


def submit(session: Session, policy: Policy, submission: Submission) -> list[Message]:
    """Accept a submission and return its messages in the order of the receivers.

    A receiver who is suppressed, does not want it, or has had too many gets a message that has
    failed already; one whose limit is free again in time gets it then.
    Raises TemplateNotFound, ChannelNotOffered, ParamsInvalid.
    Locks: the receivers, until the transaction ends.
    """
    template = policy.registry.get(submission.template)
    if submission.channel not in template.channels:
        raise ChannelNotOffered
    sealed = seal_params(policy, check_params(template.variables, submission.params))
    receivers = [one.receiver for one in submission.addressees]
    lock_receivers(session, submission.channel, receivers)
    now = clock.now()
    wishes = read_wishes(session, submission.channel, template.category, submission.addressees)
    free = next_free(session, submission.channel, template.category, receivers, now)
    left = (
        budget_left(session, policy.daily_budget, now)
        if submission.channel is Channel.SMS
        else None
    )
    submission_id = new_id()
    messages = []
    for addressee in submission.addressees:
        message = _new_message(policy, template, submission, addressee, wishes.locale(addressee))
        message.submission_id, message.sealed = submission_id, sealed
        against = wishes.against(addressee, insist=submission.insist)
        if against is not None:
            message.fail(*against, now)
        else:
            _plan(policy, message, wishes.time_zone(addressee), free[addressee.receiver], now)
        if left is not None and message.state == MessageState.QUEUED:
            if left == 0:
                message.fail(BUDGET, BUDGET, now)
            left = max(0, left - 1)
        if message.state != MessageState.QUEUED:
            message.sealed = None
        messages.append(message)
    session.add_all(messages)
    session.flush()
    _log(messages)
    return messages


def _new_message(
    policy: Policy,
    template: Template,
    submission: Submission,
    addressee: Addressee,
    locale: str | None,
) -> Message:
    return Message(
        id=new_id(),
        channel=submission.channel,
        receiver=addressee.receiver,
        user_id=addressee.user_id,
        category=template.category,
        priority=PRIORITIES[template.category],
        template=template.key,
        template_version=template.version,
        locale=template.locale_for(locale or submission.locale, policy.default_locale),
        state=MessageState.QUEUED,
        expires_at=submission.expires_at or clock.now() + _lifetime(policy, template.category),
        submitted_by=submission.submitted_by,
        refused_by=[],
    )


def _lifetime(policy: Policy, category: Category) -> timedelta:
    return CODE_TTL if category is Category.CODE else policy.notice_ttl


def _plan(
    policy: Policy, message: Message, zone: str | None, free: datetime, now: datetime
) -> None:
    """Say when the message goes out, or that its receiver has had too many."""
    due = free
    if message.category == Category.MARKETING and policy.quiet_hours is not None:
        due = policy.quiet_hours.after(free, zone)
        # Being made to wait must not make it expire.
        message.expires_at += due - free
    if due >= message.expires_at:
        message.fail(LIMITED, LIMITED, now)
        return
    message.due_at = due


def _log(messages: Sequence[Message]) -> None:
    first = messages[0]
    logger.info(
        "messages accepted",
        extra={
            "submission_id": str(first.submission_id),
            "channel": first.channel,
            "template": first.template,
            "receivers": len(messages),
            "receiver": first.masked_receiver if len(messages) == 1 else None,
            "failed": sum(one.state == MessageState.FAILED for one in messages),
        },
    )
