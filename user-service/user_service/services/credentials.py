"""Changing what an account is logged in to with; its owner proves to know the password."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from user_service.models.password_policy import require_strong_password
from user_service.models.sessions import LoginSession, RevocationReason
from user_service.models.users import (
    EmailTaken,
    InvalidCredentials,
    PasswordChanged,
    User,
    WrongPassword,
)
from user_service.models.verifications import Purpose, TooManyCodes
from user_service.services.ports import Ports
from user_service.services.revocations import deny_tokens, end_sessions
from user_service.services.user_events import (
    SecurityChange,
    publish_security_change,
    publish_updated,
)
from user_service.services.users import find_user, lock_user
from user_service.services.verifications import (
    Receiver,
    end_verifications,
    mailbox,
    send_code,
)


@dataclass(frozen=True)
class Proof:
    """Who asks, and the password that they know.

    address: of the client; guesses at the password count as guesses at the login.
    """

    user_id: UUID
    password: str
    address: str


def change_password(ports: Ports, proof: Proof, *, session_id: UUID, new_password: str) -> None:
    """Replace the password and end all the user's sessions except `session_id`.

    Raises WrongPassword, WeakPassword, TooManyAttempts, PasswordChanged.
    Publishes user.security_changed.v1. Locks: the user's row, after the hashing.
    """
    with ports.transaction() as session:
        user = find_user(session, proof.user_id)
        context = (user.email_canonical, user.name)
    require_strong_password(
        new_password, minimum=ports.password_minimum, context=context, field="new_password"
    )
    stored = _check(ports, proof)
    new_hash = ports.passwords.hash(new_password)
    with ports.transaction() as session:
        user = _lock_unchanged(session, proof.user_id, stored)
        user.password_hash = new_hash
        end_verifications(session, user.id, Purpose.LOGIN, Purpose.RESET_PASSWORD)
        publish_security_change(session, user, SecurityChange.PASSWORD_CHANGED)
        denied = end_sessions(
            session,
            RevocationReason.PASSWORD_CHANGED,
            LoginSession.user_id == user.id,
            LoginSession.id != session_id,
        )
    deny_tokens(denied)


def change_email(ports: Ports, proof: Proof, *, email: str) -> User:
    """Give the account another e-mail address, unverified, and send a code to it.

    Codes and tokens on their way to the old one are useless. Another spelling of the same mailbox
    keeps what was verified. The code is left out where the address got one a moment ago.
    Raises InvalidEmail, EmailTaken, WrongPassword, TooManyAttempts, PasswordChanged.
    Publishes user.updated.v1, and for another mailbox user.security_changed.v1 for the old address
    and verification.requested.v1. Locks: the user's row, the new address.
    """
    receiver = mailbox(email)
    stored = _check(ports, proof)
    with ports.transaction() as session:
        user = _lock_unchanged(session, proof.user_id, stored)
        if user.email != email:
            _move(session, ports, user, receiver)
    return user


def _move(session: Session, ports: Ports, user: User, receiver: Receiver) -> None:
    old_address = user.email
    another_mailbox = user.change_email(receiver.address, receiver.canonical)
    try:
        session.flush()
    except IntegrityError:
        raise EmailTaken from None
    publish_updated(session, user)
    if another_mailbox:
        end_verifications(session, user.id, Purpose.VERIFY_EMAIL, Purpose.RESET_PASSWORD)
        publish_security_change(session, user, SecurityChange.EMAIL_CHANGED, email=old_address)
        try:
            send_code(session, ports.codes, Purpose.VERIFY_EMAIL, receiver, user)
        except TooManyCodes:
            return  # The address has changed all the same; its owner asks for a code later.


def _check(ports: Ports, proof: Proof) -> str:
    """Return the stored hash of the password that was proved. Raises WrongPassword."""
    with ports.transaction() as session:
        user = find_user(session, proof.user_id)
        account, stored = user.email_canonical, user.password_hash
    try:
        with ports.throttle.attempt(account, proof.address):
            if not ports.passwords.matches(stored, proof.password):
                raise InvalidCredentials
    except InvalidCredentials:
        # Not a 401: the caller's token is fine, and a client would throw it away.
        raise WrongPassword(
            errors=[{"field": "current_password", "message": "Is wrong."}]
        ) from None
    return stored


def _lock_unchanged(session: Session, user_id: UUID, stored: str) -> User:
    user = lock_user(session, user_id)
    if user.password_hash != stored:
        raise PasswordChanged
    return user
