"""Codes and tokens that prove who reads a mailbox or holds a telephone, and when they are sent.

Source: OWASP cheat sheets (Authentication, Forgot Password, MFA), NIST SP 800-63B section 3.1.3.
"""

import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, LargeBinary, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis import clock
from chassis.exceptions import Conflict, TooManyRequests, Unprocessable
from user_service.extensions import Base

MAX_ATTEMPTS = 5
CODE_LIFE = timedelta(minutes=5)
# A mail can take its time, and its 128 bits cannot be guessed.
TOKEN_LIFE = timedelta(minutes=30)

# The wait after the first, second, and each later message within an hour.
COOL_DOWNS = (timedelta(seconds=30), timedelta(seconds=60), timedelta(seconds=120))
# With five guesses a code: at most 50 guesses at a million codes a day.
SENDS_PER_HOUR, SENDS_PER_DAY = 5, 10
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Purpose(StrEnum):
    """What a code is good for; one of another purpose is not accepted."""

    VERIFY_EMAIL = "verify_email"
    VERIFY_PHONE = "verify_phone"
    LOGIN = "login"
    RESET_PASSWORD = "reset_password"


class Channel(StrEnum):
    """How a code travels."""

    SMS = "sms"
    EMAIL = "email"


class TooManyCodes(TooManyRequests):
    """A code was sent a moment ago, or too many were; wait before you ask for another."""

    code = "users.too_many_codes"


class WrongCode(Unprocessable):
    """The code is wrong."""

    code = "users.wrong_code"

    def __init__(self, attempts_left: int) -> None:
        text = f"Is wrong; {attempts_left} attempts left."
        super().__init__(errors=[{"field": "code", "message": text}])


class CodeExpired(Unprocessable):
    """The code was used, has expired or was guessed at too often; ask for another."""

    # One class for all of them and for what never was: nothing tells whose code it would be.
    code = "users.code_expired"

    def __init__(self) -> None:
        super().__init__(errors=[{"field": "code", "message": "Is not valid any more."}])


class InvalidResetToken(Unprocessable):
    """The token was used, has expired or never was; ask for another."""

    code = "users.invalid_reset_token"

    def __init__(self) -> None:
        super().__init__(errors=[{"field": "token", "message": "Is not valid, or not any more."}])


class NoPhone(Conflict):
    """The account has no phone number; set one first."""

    code = "users.no_phone"


class Verification(Base):
    """One code or token that was asked for, known by digests only.

    `user_id` is null where the receiver has no account: with that row asking and guessing look the
    same as for one that has.
    """

    __tablename__ = "verifications"
    __table_args__ = (
        CheckConstraint(
            "purpose IN ('verify_email', 'verify_phone', 'login', 'reset_password')",
            name="purpose_known",
        ),
        CheckConstraint("attempts BETWEEN 0 AND 5", name="attempts_bounded"),
        Index("ix_verifications_receiver_digest", "receiver_digest", "created_at"),
        Index("ix_verifications_user_id", "user_id", "created_at"),
        Index("ix_verifications_created_at", "created_at"),
        Index(
            "uq_verifications_reset_token",
            "secret_digest",
            unique=True,
            postgresql_where=text("purpose = 'reset_password'"),
        ),
    )

    purpose: Mapped[str] = mapped_column(Text)
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    receiver_digest: Mapped[bytes] = mapped_column(LargeBinary)
    secret_digest: Mapped[bytes] = mapped_column(LargeBinary)
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    # Used, or overtaken by a change of the account.
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    @property
    def live(self) -> bool:
        """Tell whether it can still be used."""
        unused = self.ended_at is None and self.attempts < MAX_ATTEMPTS
        return unused and clock.now() < self.expires_at

    def try_code(self, digest: bytes) -> WrongCode | CodeExpired | None:
        """Use up the code if `digest` is that of it, or an attempt; return what is wrong.

        The caller holds the row's lock, commits the count, and raises what was returned after that.
        """
        if not self.live:
            return CodeExpired()
        if not hmac.compare_digest(self.secret_digest, digest):
            self.attempts += 1
            return WrongCode(MAX_ATTEMPTS - self.attempts)
        self.ended_at = clock.now()
        return None


def new_code() -> str:
    """Return six random digits."""
    return f"{secrets.randbelow(10**6):06d}"


def new_reset_token() -> str:
    """Return an opaque token of 128 random bits."""
    return secrets.token_urlsafe(16)


def next_send(sent: Sequence[datetime]) -> datetime | None:
    """Return when the next message may follow those of the last day, newest first; None: at once.

    sent: the newest ten suffice. The moment may have passed.
    """
    of_this_hour = [moment for moment in sent if moment > clock.now() - HOUR]
    moments = []
    if of_this_hour:
        moments.append(sent[0] + COOL_DOWNS[min(len(of_this_hour), len(COOL_DOWNS)) - 1])
    if len(of_this_hour) >= SENDS_PER_HOUR:
        moments.append(of_this_hour[SENDS_PER_HOUR - 1] + HOUR)
    if len(sent) >= SENDS_PER_DAY:
        moments.append(sent[SENDS_PER_DAY - 1] + DAY)
    return max(moments, default=None)
