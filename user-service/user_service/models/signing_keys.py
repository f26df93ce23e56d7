"""The keys that sign access tokens, and when each is published, signs and retires.

A key's state follows from the clock and two instants, so no job has to run at the right moment
and no two processes can disagree for longer than their clocks do.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, DateTime, LargeBinary, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from user_service.extensions import Base


class KeyState(StrEnum):
    """What a key is used for right now."""

    PUBLISHED = "published"  # in the JWKS, does not sign yet: verifiers get to know it
    ACTIVE = "active"  # may sign; the newest active one does
    RETIRED = "retired"  # no valid token can carry it: gone from the JWKS


class SigningKey(Base):
    """An RSA key pair; the private half is encrypted with a key derived from `SECRET_KEY`."""

    __tablename__ = "signing_keys"
    __table_args__ = (
        UniqueConstraint("kid"),
        CheckConstraint("retires_at IS NULL OR retires_at > activates_at", name="retires_later"),
    )

    kid: Mapped[str] = mapped_column(Text)
    public_jwk: Mapped[dict[str, Any]] = mapped_column(JSONB)
    private_pem_encrypted: Mapped[bytes] = mapped_column(LargeBinary)
    activates_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    # Set when a successor is published: its activation plus the longest life of an access token.
    retires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    def state(self, at: datetime) -> KeyState:
        """Return the key's state at an instant."""
        if self.retires_at is not None and at >= self.retires_at:
            return KeyState.RETIRED
        return KeyState.PUBLISHED if at < self.activates_at else KeyState.ACTIVE


def newest_active(keys: Iterable[SigningKey], at: datetime) -> SigningKey | None:
    """Return the key that signs at an instant, or None before the first key exists."""
    active = [key for key in keys if key.state(at) is KeyState.ACTIVE]
    return max(active, key=lambda key: (key.activates_at, key.id), default=None)
