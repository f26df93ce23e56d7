"""Ending sessions, and refusing the access tokens that they gave out."""

import logging
from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session

from chassis import clock
from chassis.denylist import deny_token
from chassis.messaging.outbox import enqueue
from user_service.models.access_tokens import ACCESS_TOKEN_SECONDS
from user_service.models.sessions import LoginSession, RefreshToken, RevocationReason

logger = logging.getLogger(__name__)

DENY_TOKENS_TASK = "users.deny_tokens"
# Spent tokens of a session that has expired cannot be used any more; a week helps an investigation.
_EXPIRED_SESSIONS_KEPT = timedelta(days=7)


def end_sessions(
    session: Session, reason: RevocationReason, *conditions: ColumnElement[bool]
) -> list[str]:
    """End the live sessions that meet `conditions`; return the ids of access tokens to refuse.

    The caller gives them to `deny_tokens` after its commit. A task in the same transaction does it
    once more, in case this process dies or Redis is away just then.
    """
    ended = session.scalars(
        update(LoginSession)
        .where(LoginSession.revoked_at.is_(None), *conditions)
        .values(revoked_at=clock.now(), revocation_reason=reason.value)
        .returning(LoginSession.id)
        .execution_options(synchronize_session=False)
    ).all()
    if not ended:
        return []
    logger.info("sessions ended", extra={"reason": reason.value, "sessions": len(ended)})
    return refuse_recent_tokens(session, RefreshToken.session_id.in_(ended))


def refuse_recent_tokens(session: Session, condition: ColumnElement[bool]) -> list[str]:
    """Return the ids of access tokens that may still be valid, and have a task refuse them."""
    oldest_valid = clock.now() - timedelta(seconds=ACCESS_TOKEN_SECONDS)
    recent = select(RefreshToken.access_token_id).where(
        condition, RefreshToken.created_at > oldest_valid
    )
    token_ids = [str(token_id) for token_id in session.scalars(recent)]
    if token_ids:
        enqueue(session, DENY_TOKENS_TASK, token_ids=token_ids)
    return token_ids


def deny_tokens(token_ids: Iterable[str]) -> None:
    """Have every service refuse these access tokens; a network call, so after the commit."""
    for token_id in token_ids:
        deny_token(token_id, ACCESS_TOKEN_SECONDS)


def purge_sessions(session: Session) -> int:
    """Delete sessions that expired a week ago, with their tokens; returns how many."""
    old = LoginSession.expires_at < clock.now() - _EXPIRED_SESSIONS_KEPT
    return len(session.scalars(delete(LoginSession).where(old).returning(LoginSession.id)).all())
