"""Receivers that get no messages of a kind."""

import logging
from uuid import UUID

from sqlalchemy import Select, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from chassis.base_model import new_id
from chassis.sealing import unseal
from notification_service.models.errors import LinkInvalid, SuppressionNotFound
from notification_service.models.receivers import Channel, masked
from notification_service.models.suppressions import Scope, Suppression
from notification_service.services.policy import UNSUBSCRIBE, Policy

logger = logging.getLogger(__name__)


def suppress(
    session: Session, channel: Channel, receiver: str, scope: Scope, reason: str
) -> Suppression:
    """Send no messages of this scope there any more; without effect the second time."""
    key = {"channel": channel, "receiver": receiver.lower(), "scope": scope}
    added = session.execute(
        insert(Suppression)
        .values(id=new_id(), reason=reason[:150], **key)
        .on_conflict_do_nothing()
        .returning(Suppression.id)
    ).first()
    if added is not None:
        about = {"channel": channel, "receiver": masked(receiver), "scope": scope}
        logger.info("receiver suppressed", extra={**about, "reason": reason})
    return session.scalars(select(Suppression).filter_by(**key)).one()


def select_suppressions(channel: str | None, receiver: str | None) -> Select[tuple[Suppression]]:
    """Return the query for suppressions; None: of any."""
    found = select(Suppression)
    if channel is not None:
        found = found.where(Suppression.channel == channel)
    if receiver is not None:
        found = found.where(Suppression.receiver == receiver.lower())
    return found


def lift_suppression(session: Session, suppression_id: UUID) -> None:
    """Let messages go there again; raises SuppressionNotFound."""
    lifted = delete(Suppression).where(Suppression.id == suppression_id)
    if session.execute(lifted.returning(Suppression.id)).first() is None:
        raise SuppressionNotFound


def read_link(policy: Policy, link: str) -> tuple[Channel, str]:
    """Return whom an unsubscribe link is of; raises LinkInvalid."""
    try:
        channel, _, receiver = unseal(link, policy.secret, purpose=UNSUBSCRIBE).partition(":")
        return Channel(channel), receiver
    except ValueError:
        raise LinkInvalid from None


def unsubscribe(session: Session, policy: Policy, link: str) -> None:
    """Send no marketing to the owner of the link; raises LinkInvalid."""
    channel, receiver = read_link(policy, link)
    suppress(session, channel, receiver, Scope.MARKETING, "unsubscribed")
