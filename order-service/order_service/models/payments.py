"""The money of an order as this service knows it: payments that arrived and refunds of them."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from order_service.extensions import Base


class RefundStatus(StrEnum):
    REQUESTED = "requested"
    COMPLETED = "completed"
    # Its money had already been given back by a refund that started in payment-service.
    SUPERSEDED = "superseded"


class OrderPayment(Base):
    """A payment that succeeded; its id is the one of payment-service.

    `promised` is the sum of its requested and completed refunds, `refunded` of the completed ones.
    The constraints are the belt: no code path can give back more than was paid, and no order
    can be settled twice.
    """

    __tablename__ = "order_payments"
    __table_args__ = (
        CheckConstraint("amount >= 0", name="amount"),
        CheckConstraint("0 <= refunded AND refunded <= promised", name="refunded"),
        CheckConstraint("promised <= amount", name="promised"),
        Index(
            "uq_order_payments_accepted", "order_id", unique=True, postgresql_where=text("accepted")
        ),
        Index("ix_order_payments_order_id", "order_id"),
    )

    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"))
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    # The one that pays for the order; every other one is given back.
    accepted: Mapped[bool]
    promised: Mapped[int] = mapped_column(BigInteger, default=0)
    refunded: Mapped[int] = mapped_column(BigInteger, default=0)

    @property
    def refundable(self) -> int:
        """Minor units that no refund has claimed yet."""
        return self.amount - self.promised

    @property
    def fully_refunded(self) -> bool:
        """Tell whether the customer has all of it back."""
        return self.refunded == self.amount > 0


class Refund(Base):
    """Money on its way back to the customer, or there already.

    `payment_id` is no foreign key: the news of a refund can overtake the news of its payment.
    """

    __tablename__ = "refunds"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("(status = 'completed') = (completed_at IS NOT NULL)", name="completed_at"),
        CheckConstraint("status IN ('requested', 'completed', 'superseded')", name="status"),
        Index("ix_refunds_order_id", "order_id"),
        Index("ix_refunds_payment_id", "payment_id"),
        Index("ix_refunds_requested", "created_at", postgresql_where=text("status = 'requested'")),
    )

    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"))
    payment_id: Mapped[UUID]
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    reason: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(20), default=RefundStatus.REQUESTED)
    completed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
