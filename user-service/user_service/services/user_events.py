"""What others are told about an account."""

from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from chassis.messaging.outbox import record
from user_service.models.users import User


class SecurityChange(StrEnum):
    """What has changed about how an account is logged in to or got back."""

    PASSWORD_CHANGED = "password_changed"
    PASSWORD_RESET = "password_reset"
    EMAIL_CHANGED = "email_changed"
    PHONE_CHANGED = "phone_changed"
    PHONE_VERIFIED = "phone_verified"


def publish_registered(session: Session, user: User) -> None:
    """Record user.registered.v1 in the caller's transaction."""
    record(session, "user.registered.v1", user.id, _contact(user))


def publish_updated(session: Session, user: User) -> None:
    """Record user.updated.v1 in the caller's transaction."""
    record(session, "user.updated.v1", user.id, {**_contact(user), "role": user.role})


def publish_security_change(
    session: Session, user: User, change: SecurityChange, *, email: str | None = None
) -> None:
    """Record user.security_changed.v1 in the caller's transaction.

    email: where the owner is told; the account's address unless that is what has changed.
    """
    told = {
        "user_id": str(user.id),
        "change": change.value,
        "email": email or user.email,
        "name": user.name,
        "locale": user.locale,
    }
    record(session, "user.security_changed.v1", user.id, told)


def _contact(user: User) -> dict[str, Any]:
    return {
        "user_id": str(user.id),
        "email": user.email,
        "name": user.name,
        "phone": user.phone,
        "locale": user.locale,
        "email_verified": user.email_verified,
        "phone_verified": user.phone_verified,
    }
