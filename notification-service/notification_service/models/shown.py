from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from notification_service.extensions import Base


class ShownMessage(Base):
    """A message as the development inbox shows it; in production none is ever written."""

    __tablename__ = "shown_messages"
    __table_args__ = (
        UniqueConstraint("message_id"),
        Index("ix_shown_messages_receiver", "receiver"),
    )

    message_id: Mapped[UUID] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"))
    channel: Mapped[str] = mapped_column(String(10))
    receiver: Mapped[str] = mapped_column(String(254))
    subject: Mapped[str | None] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    html: Mapped[str | None] = mapped_column(Text)
    headers: Mapped[list[Any]] = mapped_column(JSONB, default=list)
