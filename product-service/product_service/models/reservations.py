"""Reservations: stock that is held for an order until it is paid, cancelled or too late.

    (none) -placed-> held | rejected          held -paid-> committed
    (none) -cancelled-> released (tombstone)  held -cancelled-> released
    released (tombstone) -placed-> rejected   held -too late-> expired
    expired -paid-> committed | rejected      committed -cancelled-> released
    expired -cancelled-> released             (none) -paid-> rejected

Every other pair changes nothing, so that events may come twice and in any order.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from product_service.extensions import Base


class ReservationStatus(StrEnum):
    """Where a reservation stands; only `rejected` is final whatever comes."""

    HELD = "held"
    COMMITTED = "committed"
    RELEASED = "released"
    EXPIRED = "expired"
    REJECTED = "rejected"


class RejectionReason(StrEnum):
    """Why an order gets no stock; part of the contract of `stock.rejected.v1`."""

    OUT_OF_STOCK = "out_of_stock"
    UNKNOWN_PRODUCT = "unknown_product"
    NOT_SELLABLE = "not_sellable"
    CURRENCY_MIX = "currency_mix"
    PRICE_CHANGED = "price_changed"
    RESERVATION_LOST = "reservation_lost"
    CANCELLED = "cancelled"


class Reservation(Base):
    """The one reservation of an order. A row without lines remembers a refusal or a tombstone."""

    __tablename__ = "reservations"
    __table_args__ = (
        CheckConstraint(
            "status IN ('held', 'committed', 'released', 'expired', 'rejected')",
            name="status_is_known",
        ),
        Index("ix_reservations_due", "expires_at", postgresql_where=text("status = 'held'")),
    )

    order_id: Mapped[UUID] = mapped_column(unique=True)
    status: Mapped[str] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    # Null where stock was never held.
    currency: Mapped[str | None] = mapped_column(Text)
    expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    @property
    def is_tombstone(self) -> bool:
        """Tell whether the order was cancelled before its placement was heard of."""
        return self.status == ReservationStatus.RELEASED and self.currency is None

    def settle(self, status: ReservationStatus, reason: str | None = None) -> None:
        """Move on to `status`; the caller holds the row's lock and has checked where it stands."""
        self.status = status
        self.reason = reason


reservation_lines = Table(
    "reservation_lines",
    Base.metadata,
    Column(
        "reservation_id",
        Uuid,
        ForeignKey("reservations.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column(
        "product_id",
        Uuid,
        ForeignKey("products.id", ondelete="RESTRICT"),
        primary_key=True,
        index=True,
    ),
    Column("quantity", BigInteger, nullable=False),
    Column("unit_price", BigInteger, nullable=False),
    CheckConstraint("quantity > 0", name="quantity_positive"),
)
