"""Accounts as their owners see them: registering, reading, editing, changing the password."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from chassis.messaging.outbox import record
from user_service.models.emails import canonical_email
from user_service.models.password_policy import require_strong_password
from user_service.models.sessions import LoginSession, RevocationReason
from user_service.models.users import (
    EmailTaken,
    InvalidCredentials,
    PasswordChanged,
    Role,
    User,
    UserNotFound,
    WrongPassword,
)
from user_service.services.ports import Ports
from user_service.services.revocations import deny_tokens, end_sessions


@dataclass(frozen=True, kw_only=True)
class Registration:
    """What a new account is made of. `email` is kept as typed, and compared in canonical form."""

    email: str
    password: str
    name: str
    phone: str | None = None


def register_user(ports: Ports, registration: Registration, role: Role = Role.CUSTOMER) -> User:
    """Make an account.

    Raises InvalidEmail, WeakPassword, EmailTaken. Publishes user.registered.v1.
    """
    canonical = canonical_email(registration.email)
    require_strong_password(
        registration.password,
        minimum=ports.password_minimum,
        context=(canonical, registration.name),
    )
    password_hash = ports.passwords.hash(registration.password)
    values = {
        "email": registration.email,
        "email_canonical": canonical,
        "name": registration.name,
        "phone": registration.phone,
        "role": role.value,
        "password_hash": password_hash,
    }
    with ports.transaction() as session:
        # The unique constraint decides, also between two registrations at the same time.
        new_user = insert(User).values(values).on_conflict_do_nothing().returning(User)
        user = session.scalar(new_user)
        if user is None:
            raise EmailTaken
        record(session, "user.registered.v1", user.id, _contact(user))
    return user


def find_user(session: Session, user_id: UUID) -> User:
    """Return the account. Raises UserNotFound."""
    user = session.get(User, user_id)
    if user is None:
        raise UserNotFound
    return user


def edit_profile(
    session: Session, user_id: UUID, changes: Mapping[str, str | None], *, expected_version: int
) -> User:
    """Change name and phone as far as `changes` has them.

    Raises UserNotFound, PreconditionFailed. Publishes user.updated.v1 if anything differs now.
    Locks: the user's row.
    """
    user = lock_user(session, user_id)
    user.require_version(expected_version)
    if user.edit(changes):
        publish_updated(session, user)
    return user


def change_password(
    ports: Ports,
    *,
    user_id: UUID,
    session_id: UUID,
    current_password: str,
    new_password: str,
    address: str,
) -> None:
    """Replace the password and end all the user's sessions except `session_id`.

    address: of the client; guesses at the current password count as guesses at the login.
    Raises WrongPassword, WeakPassword, TooManyAttempts, PasswordChanged.
    Locks: the user's row, after the hashing.
    """
    with ports.transaction() as session:
        user = find_user(session, user_id)
        canonical, name, stored = user.email_canonical, user.name, user.password_hash
    require_strong_password(
        new_password,
        minimum=ports.password_minimum,
        context=(canonical, name),
        field="new_password",
    )
    try:
        with ports.throttle.attempt(canonical, address):
            if not ports.passwords.matches(stored, current_password):
                raise InvalidCredentials
    except InvalidCredentials:
        # Not a 401: the caller's token is fine, and a client would throw it away.
        raise WrongPassword(
            errors=[{"field": "current_password", "message": "Is wrong."}]
        ) from None
    new_hash = ports.passwords.hash(new_password)
    with ports.transaction() as session:
        user = lock_user(session, user_id)
        if user.password_hash != stored:
            raise PasswordChanged
        user.password_hash = new_hash
        denied = end_sessions(
            session,
            RevocationReason.PASSWORD_CHANGED,
            LoginSession.user_id == user_id,
            LoginSession.id != session_id,
        )
    deny_tokens(denied)


def lock_user(session: Session, user_id: UUID) -> User:
    """Return the account, locked until the transaction ends. Raises UserNotFound."""
    # NO KEY UPDATE: sessions and addresses may still refer to it meanwhile.
    locked = select(User).where(User.id == user_id).with_for_update(key_share=True)
    user = session.scalar(locked.execution_options(populate_existing=True))
    if user is None:
        raise UserNotFound
    return user


def publish_updated(session: Session, user: User) -> None:
    """Record user.updated.v1 in the caller's transaction."""
    record(session, "user.updated.v1", user.id, {**_contact(user), "role": user.role})


def _contact(user: User) -> dict[str, str | None]:
    return {
        "user_id": str(user.id),
        "email": user.email,
        "name": user.name,
        "phone": user.phone,
    }
