"""The development inbox: what would have gone out, for people to look at. Never in production."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from chassis import clock
from chassis.base_model import new_id
from notification_service.models.errors import MessageNotFound
from notification_service.models.shown import ShownMessage
from notification_service.services.carriers import Letter

MOST_SHOWN = 100
_KEPT = timedelta(days=7)


def show(session: Session, letter: Letter, headers: Sequence[tuple[str, str]]) -> None:
    """Put a message that was handed over into the inbox; one that was sent again stays one."""
    mail = letter.writing.mail
    now = clock.now()
    session.execute(
        insert(ShownMessage)
        .values(
            id=new_id(),
            message_id=letter.parcel.id,
            channel=letter.parcel.channel,
            receiver=letter.parcel.receiver,
            subject=mail.subject if mail else None,
            text=letter.writing.text,
            html=mail.html if mail else None,
            headers=[list(header) for header in headers],
            created_at=now,
            updated_at=now,
        )
        .on_conflict_do_nothing()
    )


def select_shown(receiver: str | None = None) -> Select[tuple[ShownMessage]]:
    """Return the query for the newest messages; receiver: number or address, in any case."""
    found = select(ShownMessage).order_by(ShownMessage.id.desc()).limit(MOST_SHOWN)
    if receiver:
        found = found.where(ShownMessage.receiver.ilike(_literal(receiver)))
    return found


def _literal(text: str) -> str:
    for special in ("\\", "%", "_"):
        text = text.replace(special, f"\\{special}")
    return text


def get_shown(session: Session, shown_id: UUID) -> ShownMessage:
    """Return one message of the inbox; raises MessageNotFound."""
    found = session.get(ShownMessage, shown_id)
    if found is None:
        raise MessageNotFound
    return found


def forget_shown(session: Session, now: datetime) -> None:
    """Empty the inbox of what is a week old."""
    session.execute(delete(ShownMessage).where(ShownMessage.created_at < now - _KEPT))
