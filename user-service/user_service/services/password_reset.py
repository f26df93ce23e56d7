"""Getting an account back whose password is forgotten, by whoever reads its mail."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from user_service.models.password_policy import require_strong_password
from user_service.models.sessions import LoginSession, RevocationReason
from user_service.models.users import User, UserStatus
from user_service.models.verifications import InvalidResetToken, Purpose
from user_service.services.codes import Codes
from user_service.services.ports import Ports
from user_service.services.revocations import deny_tokens, end_sessions
from user_service.services.user_events import (
    SecurityChange,
    publish_security_change,
    publish_updated,
)
from user_service.services.verifications import (
    SentCode,
    end_verifications,
    lock_reset,
    mailbox,
    send_code,
)


def request_password_reset(session: Session, codes: Codes, email: str) -> SentCode:
    """Send a token if an account that is open has this address; answer the same if none has.

    Raises InvalidEmail, TooManyCodes. Publishes verification.requested.v1. Locks: the address.
    """
    receiver = mailbox(email)
    owner = select(User).where(
        User.email_canonical == receiver.canonical, User.status == UserStatus.ACTIVE.value
    )
    return send_code(session, codes, Purpose.RESET_PASSWORD, receiver, session.scalar(owner))


def reset_password(ports: Ports, *, token: str, new_password: str, address: str) -> None:
    """Replace the password, end all sessions, and have their access tokens refused at once.

    A refused password does not use up the token. No session is opened: the owner logs in, and
    failed attempts of before do not delay it. address: of the client.
    Raises InvalidResetToken, WeakPassword, PasswordsBusy. Publishes user.security_changed.v1, and
    user.updated.v1 where what is verified changes. Locks: the account, the verification.
    """
    user = _owner(ports, token)
    require_strong_password(
        new_password,
        minimum=ports.password_minimum,
        context=(user.email_canonical, user.name),
        field="new_password",
    )
    new_hash = ports.passwords.hash(new_password)
    with ports.transaction() as session:
        user = _lock_owner(session, token)
        user.password_hash = new_hash
        _trust_mailbox(session, user)
        end_verifications(session, user.id, Purpose.LOGIN, Purpose.RESET_PASSWORD)
        publish_security_change(session, user, SecurityChange.PASSWORD_RESET)
        denied = end_sessions(
            session, RevocationReason.PASSWORD_RESET, LoginSession.user_id == user.id
        )
    deny_tokens(denied)
    ports.throttle.forgive(user.email_canonical, address)


def _owner(ports: Ports, token: str) -> User:
    with ports.transaction() as session:
        return _lock_owner(session, token)


def _lock_owner(session: Session, token: str) -> User:
    user, verification = lock_reset(session, token)
    if user is None or not user.active or verification is None or not verification.live:
        raise InvalidResetToken
    return user


def _trust_mailbox(session: Session, user: User) -> None:
    """Note that the owner reads the mail.

    Who registered an address that is not theirs may have left a phone number to log in with, so
    that a number which is older than the proof of the address has to be verified again.
    """
    if not user.email_verified:
        user.verify_email()
        user.distrust_phone()
        publish_updated(session, user)
