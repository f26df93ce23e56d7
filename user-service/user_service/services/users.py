"""Accounts as their owners see them: reading, editing."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from user_service.models.users import User, UserNotFound
from user_service.models.verifications import Purpose
from user_service.services.user_events import (
    SecurityChange,
    publish_security_change,
    publish_updated,
)
from user_service.services.verifications import end_verifications


def find_user(session: Session, user_id: UUID) -> User:
    """Return the account. Raises UserNotFound."""
    user = session.get(User, user_id)
    if user is None:
        raise UserNotFound
    return user


def edit_profile(
    session: Session, user_id: UUID, changes: Mapping[str, str | None], *, expected_version: int
) -> User:
    """Change name, phone (in E.164) and locale as far as `changes` has them.

    Another phone number is unverified, and codes on their way to the old one are useless.
    Raises UserNotFound, PreconditionFailed. Publishes user.updated.v1 if anything differs now, and
    user.security_changed.v1 if a phone number was replaced. Locks: the user's row.
    """
    user = lock_user(session, user_id)
    user.require_version(expected_version)
    phone = user.phone
    if user.edit(changes):
        publish_updated(session, user)
    if user.phone != phone:
        end_verifications(session, user_id, Purpose.VERIFY_PHONE, Purpose.LOGIN)
        if phone is not None:
            publish_security_change(session, user, SecurityChange.PHONE_CHANGED)
    return user


def lock_user(session: Session, user_id: UUID) -> User:
    """Return the account, locked until the transaction ends. Raises UserNotFound."""
    # NO KEY UPDATE: sessions and addresses may still refer to it meanwhile.
    locked = select(User).where(User.id == user_id).with_for_update(key_share=True)
    user = session.scalar(locked.execution_options(populate_existing=True))
    if user is None:
        raise UserNotFound
    return user
