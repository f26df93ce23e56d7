from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from notification_service.extensions import Base


class StoredReceipt(Base):
    """What a provider said became of a message, once for each saying.

    A receipt may come before the message knows its provider's id: it is parked without
    `message_id`, and matched later.
    """

    __tablename__ = "receipts"
    __table_args__ = (
        UniqueConstraint(
            "provider", "provider_id", "receiver", "part", "state", "code", name="uq_receipts_said"
        ),
        Index("ix_receipts_message_id", "message_id"),
        Index("ix_receipts_parked", "created_at", postgresql_where=text("message_id IS NULL")),
    )

    provider: Mapped[str] = mapped_column(String(40))
    provider_id: Mapped[str] = mapped_column(String(150))
    receiver: Mapped[str] = mapped_column(String(254), default="")
    # 0 where the receipt is for the whole message; then `parts` is 1.
    part: Mapped[int] = mapped_column(Integer, default=0)
    parts: Mapped[int] = mapped_column(Integer, default=1)
    state: Mapped[str] = mapped_column(String(10))
    code: Mapped[str] = mapped_column(String(100))
    kind: Mapped[str | None] = mapped_column(String(30))
    said_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    our_id: Mapped[str | None] = mapped_column(String(64))
    message_id: Mapped[UUID | None] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"))
