"""Asking for codes and using them up, whatever they are good for."""

import logging
import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import Session

from chassis import clock
from chassis.base_model import new_id
from chassis.messaging.outbox import enqueue, record
from user_service.models.emails import canonical_email
from user_service.models.users import Locale, User
from user_service.models.verifications import (
    CODE_LIFE,
    DAY,
    SENDS_PER_DAY,
    TOKEN_LIFE,
    Channel,
    Purpose,
    TooManyCodes,
    Verification,
    new_code,
    new_reset_token,
    next_send,
)
from user_service.services.codes import Codes, digest_token

logger = logging.getLogger(__name__)

UNKNOWN_RECEIVER_TASK = "users.note_unknown_receiver"


@dataclass(frozen=True, kw_only=True)
class Receiver:
    """Where a code goes: `address` as messages are sent to it, `canonical` as it is counted."""

    channel: Channel
    address: str
    canonical: str


def mailbox(email: str) -> Receiver:
    """Return the receiver behind an e-mail address. Raises InvalidEmail."""
    return Receiver(channel=Channel.EMAIL, address=email, canonical=canonical_email(email))


def telephone(number: str) -> Receiver:
    """Return the receiver behind a number in E.164."""
    return Receiver(channel=Channel.SMS, address=number, canonical=number)


@dataclass(frozen=True, kw_only=True)
class SentCode:
    """What the one who asked is told, the same whether the receiver has an account or not."""

    verification_id: UUID
    expires_at: datetime
    resend_at: datetime


def send_code(
    session: Session, codes: Codes, purpose: Purpose, receiver: Receiver, user: User | None
) -> SentCode:
    """Make a code or token and have it sent, if the receiver is the one of `user`.

    Without a user the same work is done, and a task takes the place of the event, so that neither
    answer nor time tells whether there is an account.
    Raises TooManyCodes. Publishes verification.requested.v1. Locks: the receiver.
    """
    digest = codes.digest_receiver(receiver.canonical)
    _lock_receiver(session, digest)
    sent = _sent_lately(session, Verification.receiver_digest == digest)
    require_pause(sent)
    verification, secret = _make(codes, purpose, digest, user)
    session.add(verification)
    news = {
        "verification_id": str(verification.id),
        "user_id": str(user.id) if user else None,
        "purpose": purpose.value,
        "channel": receiver.channel.value,
        "receiver": receiver.address,
        "locale": user.locale if user else Locale.EN.value,
        "code_sealed": codes.seal(secret),
        "expires_at": verification.expires_at.isoformat(),
    }
    if user is not None:
        record(session, "verification.requested.v1", verification.id, news)
    else:
        kept = {name: news[name] for name in ("verification_id", "purpose", "channel")}
        enqueue(session, UNKNOWN_RECEIVER_TASK, **kept)
    now = clock.now()
    return SentCode(
        verification_id=verification.id,
        expires_at=verification.expires_at,
        resend_at=next_send([now, *sent]) or now,
    )


def require_pause(sent: Sequence[datetime]) -> None:
    """Raise TooManyCodes unless another message may follow those of the last day."""
    allowed_at, now = next_send(sent), clock.now()
    if allowed_at is not None and allowed_at > now:
        raise TooManyCodes(retry_after=math.ceil((allowed_at - now).total_seconds()))


def lock_verification(
    session: Session, verification_id: UUID, purpose: Purpose
) -> tuple[User | None, Verification | None]:
    """Return a verification of this purpose and its account, both locked.

    The account first: whoever changes it locks it before it ends its verifications.
    """
    found = (Verification.id == verification_id, Verification.purpose == purpose.value)
    return _locked(session, *found)


def lock_reset(session: Session, token: str) -> tuple[User | None, Verification | None]:
    """Return the verification behind a reset token and its account, both locked."""
    reset = Verification.purpose == Purpose.RESET_PASSWORD.value
    return _locked(session, Verification.secret_digest == digest_token(token), reset)


def end_verifications(session: Session, user_id: UUID, *purposes: Purpose) -> None:
    """Make an account's codes and tokens of these purposes useless; the caller has locked it."""
    concerned = Verification.purpose.in_([purpose.value for purpose in purposes])
    session.execute(
        update(Verification)
        .where(Verification.user_id == user_id, Verification.ended_at.is_(None), concerned)
        .values(ended_at=clock.now())
    )


def sent_to_account(session: Session, user_id: UUID, purpose: Purpose) -> Sequence[datetime]:
    """Return when the newest codes of the last day were made for an account, newest first."""
    return _sent_lately(
        session, Verification.user_id == user_id, Verification.purpose == purpose.value
    )


def purge_verifications(session: Session) -> int:
    """Delete verifications that no limit counts any more; returns how many."""
    old = Verification.created_at < clock.now() - DAY
    return len(session.scalars(delete(Verification).where(old).returning(Verification.id)).all())


def _make(
    codes: Codes, purpose: Purpose, receiver_digest: bytes, user: User | None
) -> tuple[Verification, str]:
    verification_id, now = new_id(), clock.now()
    if purpose is Purpose.RESET_PASSWORD:
        secret, life = new_reset_token(), TOKEN_LIFE
        digest = digest_token(secret)
    else:
        secret, life = new_code(), CODE_LIFE
        digest = codes.digest_code(verification_id, purpose, secret)
    verification = Verification(
        id=verification_id,
        purpose=purpose.value,
        user_id=user.id if user else None,
        receiver_digest=receiver_digest,
        # Nobody gets the code that was made without an account, and no guess may be right.
        secret_digest=digest if user else secrets.token_bytes(len(digest)),
        expires_at=now + life,
        created_at=now,
    )
    return verification, secret


def _lock_receiver(session: Session, digest: bytes) -> None:
    # A count is only good while nobody else sends: what is not there yet cannot be locked as a row.
    number = int.from_bytes(digest[:8], "big", signed=True)
    session.execute(select(func.pg_advisory_xact_lock(number)))


def _sent_lately(session: Session, *conditions: ColumnElement[bool]) -> Sequence[datetime]:
    return session.scalars(
        select(Verification.created_at)
        .where(*conditions, Verification.created_at > clock.now() - DAY)
        .order_by(Verification.created_at.desc())
        .limit(SENDS_PER_DAY)
    ).all()


def _locked(
    session: Session, *conditions: ColumnElement[bool]
) -> tuple[User | None, Verification | None]:
    owner = (
        select(User)
        .join(Verification, Verification.user_id == User.id)
        .where(*conditions)
        .with_for_update(of=User, key_share=True)
    )
    verification = select(Verification).where(*conditions).with_for_update()
    fresh = {"populate_existing": True}
    user = session.scalar(owner.execution_options(**fresh))
    return user, session.scalar(verification.execution_options(**fresh))
