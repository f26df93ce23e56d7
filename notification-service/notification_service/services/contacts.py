"""How users are reached, as user-service tells it."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from chassis import clock
from chassis.base_model import new_id
from notification_service.models.contacts import Contact
from notification_service.services.limits import lock_keys


@dataclass(frozen=True, kw_only=True)
class ContactNews:
    """What an event says of a user. sequence: its place among the events of user-service."""

    user_id: UUID
    sequence: int
    email: str
    name: str
    phone: str | None
    phone_verified: bool = False
    locale: str | None = None


def lock_user(session: Session, user_id: UUID) -> None:
    """Let nobody else change or miss the user's contact until the transaction ends.

    Without it news that come while the contact is being written would see none, and wait for ever.
    """
    lock_keys(session, [f"user:{user_id}"])


def save_contact(session: Session, news: ContactNews) -> None:
    """Write what is known of a user, unless a newer event did; the caller has the lock."""
    row = {
        "user_id": news.user_id,
        "sequence": news.sequence,
        "email": news.email,
        "name": news.name,
        "phone": news.phone,
        "phone_verified": news.phone_verified,
        "locale": news.locale,
        "active": True,
    }
    made = insert(Contact).values(id=new_id(), **row)
    session.execute(
        made.on_conflict_do_update(
            index_elements=[Contact.user_id],
            set_={**row, "updated_at": clock.now()},
            where=Contact.sequence < news.sequence,
        )
    )


def close_contact(session: Session, user_id: UUID, sequence: int) -> None:
    """Remember that the account was closed; its news go nowhere."""
    contact = find_contact(session, user_id)
    if contact is not None and contact.sequence < sequence:
        contact.active, contact.sequence = False, sequence


def find_contact(session: Session, user_id: UUID) -> Contact | None:
    """Return how a user is reached; None while nobody has told."""
    return session.scalars(
        select(Contact).where(Contact.user_id == user_id).execution_options(populate_existing=True)
    ).one_or_none()
