from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, DateTime, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.extensions import Base


class PayableStatus(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


class Payable(Base):
    """An order that waits for money, as order-service announced it.

    A closing that arrives before the opening leaves a row without customer and amount: the
    tombstone that keeps the late opening from making the order payable.
    """

    __tablename__ = "payables"
    __table_args__ = (
        UniqueConstraint("order_id"),
        CheckConstraint("status IN ('open', 'closed')", name="status"),
        CheckConstraint("amount >= 0", name="amount"),
        CheckConstraint(
            "status = 'closed' OR (customer_id IS NOT NULL AND amount IS NOT NULL"
            " AND currency IS NOT NULL AND expires_at IS NOT NULL)",
            name="open_is_complete",
        ),
    )

    order_id: Mapped[UUID]
    status: Mapped[str] = mapped_column(String(10))
    customer_id: Mapped[UUID | None]
    amount: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str | None] = mapped_column(String(3))
    expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    closed_reason: Mapped[str | None] = mapped_column(String(100))

    def payable_by(self, customer_id: UUID, at: datetime) -> bool:
        """Tell whether this customer may pay for the order at this moment."""
        return (
            self.status == PayableStatus.OPEN
            and self.customer_id == customer_id
            and self.expires_at is not None
            and at < self.expires_at
        )

    def close(self, reason: str) -> None:
        """Accept no more money for the order; the first reason stays."""
        if self.status == PayableStatus.OPEN:
            self.status = PayableStatus.CLOSED
            self.closed_reason = reason
