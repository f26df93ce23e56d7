from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, DateTime, Index, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from notification_service.extensions import Base


class Contact(Base):
    """How a user is reached, as user-service last said.

    sequence: that of the event; an older one that comes late changes nothing.
    """

    __tablename__ = "contacts"
    __table_args__ = (
        UniqueConstraint("user_id"),
        Index("ix_contacts_phone", "phone"),
        Index("ix_contacts_email", text("lower(email)")),
    )

    user_id: Mapped[UUID]
    sequence: Mapped[int] = mapped_column(BigInteger)
    email: Mapped[str] = mapped_column(String(254))
    name: Mapped[str] = mapped_column(String(200))
    phone: Mapped[str | None] = mapped_column(String(20))
    phone_verified: Mapped[bool] = mapped_column(Boolean, default=False)
    locale: Mapped[str | None] = mapped_column(String(35))
    active: Mapped[bool] = mapped_column(Boolean, default=True)


class WaitingNews(Base):
    """News for a user whose contact is not known yet; sent when it is."""

    __tablename__ = "waiting_news"
    __table_args__ = (Index("ix_waiting_news_user_id", "user_id"),)

    user_id: Mapped[UUID]
    template: Mapped[str] = mapped_column(String(60))
    params: Mapped[dict[str, Any]] = mapped_column(JSONB)
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
