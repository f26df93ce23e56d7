"""Logging in with a code that came to a verified phone number."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from user_service.models.users import AccountDeactivated, User, UserStatus
from user_service.models.verifications import CodeExpired, Purpose
from user_service.services.codes import Codes
from user_service.services.ports import Ports
from user_service.services.token_pairs import TokenPair, open_session
from user_service.services.verifications import SentCode, lock_verification, send_code, telephone


def request_login_code(session: Session, codes: Codes, phone: str) -> SentCode:
    """Send a code if an account that is open has verified this number; answer the same if none has.

    phone: in E.164. Raises TooManyCodes. Publishes verification.requested.v1. Locks: the number.
    """
    owner = select(User).where(
        User.phone == phone,
        User.phone_verified_at.is_not(None),
        User.status == UserStatus.ACTIVE.value,
    )
    return send_code(session, codes, Purpose.LOGIN, telephone(phone), session.scalar(owner))


def log_in_with_code(ports: Ports, *, verification_id: UUID, code: str) -> TokenPair:
    """Open a session with the code of a verification; guesses without an account end the same.

    Raises WrongCode, CodeExpired, AccountDeactivated (only after the right code).
    Locks: the account, the verification.
    """
    key = ports.keyring.signing_key()
    digest = ports.codes.digest_code(verification_id, Purpose.LOGIN, code)
    with ports.transaction() as session:
        user, verification = lock_verification(session, verification_id, Purpose.LOGIN)
        problem = CodeExpired() if verification is None else verification.try_code(digest)
        if problem is None:
            if user is None or not user.active:
                raise AccountDeactivated
            given = open_session(session, user, ports.session_seconds)
    # Outside the transaction: raising inside would forget the attempt.
    if problem is not None:
        raise problem
    return given.signed(key)
