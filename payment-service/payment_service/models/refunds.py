from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.extensions import Base


class RefundStatus(StrEnum):
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


# What these hold cannot be given back a second time.
CLAIMING = (RefundStatus.PENDING, RefundStatus.SUCCEEDED)


class Refund(Base):
    """Money given back. Its id is the `refund_id` of order-service where that asked for it.

    amount: minor units, at most what was asked for and what was left of the payment.
    """

    __tablename__ = "refunds"
    __table_args__ = (
        CheckConstraint("status IN ('pending', 'succeeded', 'failed')", name="status"),
        CheckConstraint("amount >= 0", name="amount"),
        Index("ix_refunds_payment_id", "payment_id"),
    )

    payment_id: Mapped[UUID] = mapped_column(ForeignKey("payments.id"))
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    reason: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(10), default=RefundStatus.PENDING)
    failure_code: Mapped[str | None] = mapped_column(String(60))
