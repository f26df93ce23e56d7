from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from order_service.extensions import Base


class TimelineEntry(Base):
    """One thing that happened to an order, whether it moved the order or was ignored.

    `position` is the order's version after it: 1..n without a gap, checked by the audit.
    """

    __tablename__ = "timeline_entries"
    __table_args__ = (
        UniqueConstraint("order_id", "position", name="uq_timeline_entries_order_position"),
    )

    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id", ondelete="CASCADE"))
    position: Mapped[int]
    event: Mapped[str] = mapped_column(String(40))
    outcome: Mapped[str] = mapped_column(String(20))
    from_status: Mapped[str | None] = mapped_column(String(20))
    to_status: Mapped[str] = mapped_column(String(20))
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB)
