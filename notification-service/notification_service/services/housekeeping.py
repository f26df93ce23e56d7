"""What is forgotten, and when."""

import logging
from datetime import datetime, timedelta

from sqlalchemy import and_, delete, or_, select, update
from sqlalchemy.orm import Session

from notification_service.models.contacts import WaitingNews
from notification_service.models.lifecycle import AT_REST, MessageState
from notification_service.models.messages import Category, Message
from notification_service.models.receipts import StoredReceipt
from notification_service.services.inbox import forget_shown
from notification_service.services.policy import Policy

logger = logging.getLogger(__name__)

_BATCH = 5000
_RECEIPTS_KEPT = timedelta(days=30)


def forget(session: Session, policy: Policy, now: datetime) -> None:
    """Clear the content of old messages, and delete what can have no effect any more."""
    clear_content(session, policy, now)
    forget_shown(session, now)
    session.execute(delete(StoredReceipt).where(StoredReceipt.created_at < now - _RECEIPTS_KEPT))
    late = delete(WaitingNews).where(WaitingNews.expires_at < now)
    for news in session.execute(late.returning(WaitingNews.user_id, WaitingNews.template)):
        about = {"user_id": str(news.user_id), "template": news.template}
        logger.error("news without a contact given up", extra=about)


def clear_content(session: Session, policy: Policy, now: datetime) -> int:
    """Clear what messages said: codes when they are no longer valid, the rest after its time.

    Nothing that may still be sent is touched. Returns how many were cleared.
    """
    at_rest = Message.state.in_((*AT_REST, MessageState.SENT, MessageState.UNKNOWN))
    over = or_(
        and_(Message.category == Category.CODE, Message.expires_at < now),
        Message.created_at < now - policy.body_ttl,
    )
    old = select(Message.id).where(Message.sealed.is_not(None), at_rest, over).limit(_BATCH)
    cleared = session.execute(
        update(Message)
        .where(Message.id.in_(old.scalar_subquery()))
        .values(sealed=None)
        .execution_options(synchronize_session=False)
    )
    return int(cleared.rowcount)  # type: ignore[attr-defined]
