"""Making accounts, and the first login of one whose owner reads the mail."""

import logging
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from user_service.models.password_policy import require_strong_password
from user_service.models.users import AccountDeactivated, EmailTaken, Locale, Role, User
from user_service.models.verifications import CodeExpired, Purpose, TooManyCodes
from user_service.services.codes import Codes
from user_service.services.ports import Ports
from user_service.services.token_pairs import TokenPair, open_session
from user_service.services.user_events import publish_registered, publish_updated
from user_service.services.verifications import (
    Receiver,
    lock_verification,
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


@dataclass(frozen=True)
class NewAccount:
    """An account, and which code its owner has been sent; None where none could be."""

    user: User
    verification_id: UUID | None


def register_user(
    ports: Ports, registration: Registration, role: Role = Role.CUSTOMER
) -> NewAccount:
    """Make an account; customers are sent a code that verifies their e-mail address.

    Raises InvalidEmail, WeakPassword, EmailTaken.
    Publishes user.registered.v1, verification.requested.v1. Locks: the e-mail address.
    """
    receiver = mailbox(registration.email)
    require_strong_password(
        registration.password,
        minimum=ports.password_minimum,
        context=(receiver.canonical, registration.name),
    )
    values = {
        "email": registration.email,
        "email_canonical": receiver.canonical,
        "name": registration.name,
        "phone": registration.phone,
        "locale": registration.locale,
        "role": role.value,
        "password_hash": ports.passwords.hash(registration.password),
    }
    with ports.transaction() as session:
        # The unique constraint decides, also between two registrations at the same time.
        new_user = insert(User).values(values).on_conflict_do_nothing().returning(User)
        user = session.scalar(new_user)
        if user is None:
            raise EmailTaken
        publish_registered(session, user)
        # The first administrator's would have expired before anybody has read the mail.
        wanted = role is Role.CUSTOMER
        return NewAccount(
            user, _send_first_code(session, ports.codes, receiver, user) if wanted else None
        )


def finish_registration(ports: Ports, *, verification_id: UUID, code: str) -> TokenPair:
    """Verify the address of a new account and open its first session.

    Who gives the code back has registered, for only they were told the verification's id, and reads
    the mail. Once the address is verified, codes of it open nothing.
    Raises WrongCode, CodeExpired, AccountDeactivated (only after the right code).
    Publishes user.updated.v1. Locks: the account, the verification.
    """
    key = ports.keyring.signing_key()
    digest = ports.codes.digest_code(verification_id, Purpose.VERIFY_EMAIL, code)
    with ports.transaction() as session:
        user, verification = lock_verification(session, verification_id, Purpose.VERIFY_EMAIL)
        if user is None or verification is None or user.email_verified:
            raise CodeExpired
        problem = verification.try_code(digest)
        if problem is None:
            if not user.active:
                raise AccountDeactivated
            user.verify_email()
            publish_updated(session, user)
            given = open_session(session, user, ports.session_seconds)
    # Outside the transaction: raising inside would forget the attempt.
    if problem is not None:
        raise problem
    return given.signed(key)


def _send_first_code(session: Session, codes: Codes, receiver: Receiver, user: User) -> UUID | None:
    try:
        return send_code(session, codes, Purpose.VERIFY_EMAIL, receiver, user).verification_id
    except TooManyCodes:
        # Somebody asked for codes to this address before it had an account. Its owner asks again.
        logger.info("no code with the registration", extra={"user_id": str(user.id)})
        return None
