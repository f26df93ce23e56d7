"""What users want to hear."""

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from chassis import clock
from chassis.base_model import new_id
from notification_service.models.preferences import Preference


def find_preference(session: Session, user_id: UUID) -> Preference:
    """Return what a user chose; all None where nothing was chosen."""
    found = session.scalars(select(Preference).where(Preference.user_id == user_id)).one_or_none()
    return found or Preference(user_id=user_id)


def choose(session: Session, user_id: UUID, choices: dict[str, Any]) -> Preference:
    """Write down the choices that a user made now; the others stay. Locks: the user's row."""
    row = insert(Preference).values(id=new_id(), user_id=user_id, **choices)
    session.execute(
        row.on_conflict_do_update(
            index_elements=[Preference.user_id], set_={**choices, "updated_at": clock.now()}
        )
    )
    return session.scalars(
        select(Preference)
        .where(Preference.user_id == user_id)
        .execution_options(populate_existing=True)
    ).one()
