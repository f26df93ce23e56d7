"""Login sessions and their refresh tokens: rotation with reuse detection (RFC 9700, 4.14)."""

import hashlib
import secrets
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from chassis import clock
from chassis.exceptions import Unauthorized
from user_service.extensions import Base


class RevocationReason(StrEnum):
    """Why a session ended before its time."""

    LOGOUT = "logout"
    TOKEN_REUSED = "token_reused"
    PASSWORD_CHANGED = "password_changed"
    PASSWORD_RESET = "password_reset"
    DEACTIVATED = "deactivated"


class InvalidRefreshToken(Unauthorized):
    """The refresh token is not valid; log in again."""

    # Unknown, spent, expired and revoked look the same to whoever tries tokens.
    code = "users.invalid_refresh_token"


class LoginSession(Base):
    """One login on one device: the family of all refresh tokens that came from it (`sid`)."""

    __tablename__ = "login_sessions"
    __table_args__ = (
        Index("ix_login_sessions_user_id", "user_id", postgresql_where=text("revoked_at IS NULL")),
        Index("ix_login_sessions_expires_at", "expires_at"),
        CheckConstraint(
            "(revoked_at IS NULL) = (revocation_reason IS NULL)", name="revocation_explained"
        ),
    )

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    # Absolute: refreshing never moves it.
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    revocation_reason: Mapped[str | None] = mapped_column(Text)

    @property
    def live(self) -> bool:
        """Tell whether the session can still be refreshed."""
        return self.revoked_at is None and clock.now() < self.expires_at


class RefreshToken(Base):
    """One refresh token, by its hash only. Spent ones stay: that is how reuse is noticed."""

    __tablename__ = "refresh_tokens"
    __table_args__ = (
        UniqueConstraint("token_hash"),
        # At most one token of a session can be used, whatever the code does.
        Index(
            "uq_refresh_tokens_session_id_unspent",
            "session_id",
            unique=True,
            postgresql_where=text("spent_at IS NULL"),
        ),
        Index("ix_refresh_tokens_session_id", "session_id"),
    )

    session_id: Mapped[UUID] = mapped_column(ForeignKey("login_sessions.id", ondelete="CASCADE"))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    # `jti` of the access token given out with it, which is refused when the session ends.
    access_token_id: Mapped[UUID]
    spent_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


def new_refresh_token() -> str:
    """Return an opaque token of 256 random bits."""
    return secrets.token_urlsafe(32)


def token_digest(token: str) -> bytes:
    """Return what is stored of a token. A fast hash does: 256 random bits cannot be guessed."""
    return hashlib.sha256(token.encode()).digest()
