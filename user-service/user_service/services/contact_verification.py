"""Proving that the e-mail address or phone number of the own account is one's own."""

from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from user_service.models.users import PhoneTaken, User
from user_service.models.verifications import (
    Channel,
    CodeExpired,
    NoPhone,
    Purpose,
    Verification,
)
from user_service.services.codes import Codes
from user_service.services.ports import Ports
from user_service.services.user_events import (
    SecurityChange,
    publish_security_change,
    publish_updated,
)
from user_service.services.users import lock_user
from user_service.services.verifications import (
    Receiver,
    SentCode,
    lock_verification,
    mailbox,
    require_pause,
    send_code,
    sent_to_account,
    telephone,
)

_PURPOSES = {Channel.EMAIL: Purpose.VERIFY_EMAIL, Channel.SMS: Purpose.VERIFY_PHONE}


def request_contact_code(
    session: Session, codes: Codes, *, user_id: UUID, channel: Channel
) -> SentCode:
    """Send a code to the account's e-mail address or phone number, verified or not.

    Raises UserNotFound, NoPhone, TooManyCodes; the limits also hold for one account with ever other
    numbers. Publishes verification.requested.v1. Locks: the account, the receiver.
    """
    user = lock_user(session, user_id)
    receiver = _contact(user, channel)
    require_pause(sent_to_account(session, user_id, _PURPOSES[channel]))
    return send_code(session, codes, _PURPOSES[channel], receiver, user)


def confirm_contact(
    ports: Ports, *, user_id: UUID, verification_id: UUID, channel: Channel, code: str
) -> User:
    """Note that the owner reads what is sent to the address or number.

    Raises WrongCode, CodeExpired (also after the contact has changed), PhoneTaken.
    Publishes user.updated.v1 if it was not verified, and user.security_changed.v1 for a phone
    number, which can be logged in with from now on. Locks: the account, the verification.
    """
    purpose = _PURPOSES[channel]
    digest = ports.codes.digest_code(verification_id, purpose, code)
    with ports.transaction() as session:
        user, verification = lock_verification(session, verification_id, purpose)
        if user is None or verification is None or user.id != user_id:
            raise CodeExpired
        problem = verification.try_code(digest)
        if problem is None:
            _require_same_receiver(ports.codes, user, channel, verification)
            _mark_verified(session, user, channel)
    # Outside the transaction: raising inside would forget the attempt.
    if problem is not None:
        raise problem
    return user


def _contact(user: User, channel: Channel) -> Receiver:
    if channel is Channel.EMAIL:
        return mailbox(user.email)
    if user.phone is None:
        raise NoPhone
    return telephone(user.phone)


def _require_same_receiver(
    codes: Codes, user: User, channel: Channel, verification: Verification
) -> None:
    # Changing a contact ends its codes; this is for one that was asked for at the same time.
    if codes.digest_receiver(_contact(user, channel).canonical) != verification.receiver_digest:
        raise CodeExpired


def _mark_verified(session: Session, user: User, channel: Channel) -> None:
    changed = user.verify_email() if channel is Channel.EMAIL else user.verify_phone()
    try:
        session.flush()
    except IntegrityError:
        raise PhoneTaken from None
    if changed:
        publish_updated(session, user)
    if changed and channel is Channel.SMS:
        publish_security_change(session, user, SecurityChange.PHONE_VERIFIED)
