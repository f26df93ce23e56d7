"""Accounts as their owners see them: registering, reading, editing."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from user_service.models.password_policy import require_strong_password
from user_service.models.users import EmailTaken, Locale, Role, User, UserNotFound
from user_service.models.verifications import Purpose, TooManyCodes
from user_service.services.codes import Codes
from user_service.services.ports import Ports
from user_service.services.user_events import (
    SecurityChange,
    publish_registered,
    publish_security_change,
    publish_updated,
)
from user_service.services.verifications import (
    Receiver,
    end_verifications,
    mailbox,
    send_code,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Registration:
    """What a new account is made of. `email` is kept as typed, and compared in canonical form.

    phone: in E.164.
    """

    email: str
    password: str
    name: str
    phone: str | None = None
    locale: str = Locale.EN.value


def register_user(ports: Ports, registration: Registration, role: Role = Role.CUSTOMER) -> User:
    """Make an account; customers are sent a code that verifies their e-mail address.

    Raises InvalidEmail, WeakPassword, EmailTaken.
    Publishes user.registered.v1, verification.requested.v1. Locks: the e-mail address.
    """
    receiver = mailbox(registration.email)
    canonical = receiver.canonical
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
        "locale": registration.locale,
        "role": role.value,
        "password_hash": password_hash,
    }
    with ports.transaction() as session:
        # The unique constraint decides, also between two registrations at the same time.
        new_user = insert(User).values(values).on_conflict_do_nothing().returning(User)
        user = session.scalar(new_user)
        if user is None:
            raise EmailTaken
        publish_registered(session, user)
        if role is Role.CUSTOMER:
            # The first administrator's would have expired before anybody has read the mail.
            _send_first_code(session, ports.codes, receiver, user)
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


def _send_first_code(session: Session, codes: Codes, receiver: Receiver, user: User) -> None:
    try:
        send_code(session, codes, Purpose.VERIFY_EMAIL, receiver, user)
    except TooManyCodes:
        # Somebody asked for codes to this address before it had an account. Its owner asks again.
        logger.info("no code with the registration", extra={"user_id": str(user.id)})
