"""Stock: how many units there are, and the ledger that says why.

`stock_levels` has no model class: every change to it is one set-based statement over the lines of
an order. The ledger is the truth; `on_hand` is its sum, kept so that a reader need not add it up.
"""

from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from chassis import clock
from chassis.exceptions import Conflict
from product_service.extensions import Base

# Adjustments and opening stock stay below this, so that no sum comes near a bigint's end.
MOST_UNITS = 1_000_000_000


class InsufficientStock(Conflict):
    """There is less stock than that, apart from what is reserved for orders."""

    code = "products.insufficient_stock"


class MovementKind(StrEnum):
    """Why stock changed."""

    INITIAL = "initial"
    ADJUSTMENT = "adjustment"
    SALE = "sale"
    CANCELLATION = "cancellation"


# Apart from `products`, so that a sale neither rewrites the wide row nor waits for someone's edit.
stock_levels = Table(
    "stock_levels",
    Base.metadata,
    Column("product_id", Uuid, ForeignKey("products.id", ondelete="RESTRICT"), primary_key=True),
    Column("on_hand", BigInteger, nullable=False, server_default=text("0")),
    Column("reserved", BigInteger, nullable=False, server_default=text("0")),
    # Part of a product's ETag: `available` is in the answer and changes without an edit.
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("updated_at", DateTime(timezone=True), nullable=False, default=clock.now),
    CheckConstraint("reserved >= 0", name="reserved_not_negative"),
    CheckConstraint("on_hand >= reserved", name="reserved_is_on_hand"),
)


class StockMovement(Base):
    """One entry of the ledger; never changed, never deleted."""

    __tablename__ = "stock_movements"
    __table_args__ = (
        CheckConstraint("quantity <> 0", name="quantity_not_zero"),
        CheckConstraint(
            "kind IN ('initial', 'adjustment', 'sale', 'cancellation')", name="kind_is_known"
        ),
        CheckConstraint(
            "(kind IN ('sale', 'cancellation')) = (order_id IS NOT NULL)", name="order_is_named"
        ),
        Index("ix_stock_movements_product_id", "product_id", "created_at", "id"),
        # The belt to the state machine's braces: an order takes a product once and returns it once.
        Index(
            "uq_stock_movements_order_product_kind",
            "order_id",
            "product_id",
            "kind",
            unique=True,
            postgresql_where=text("order_id IS NOT NULL"),
        ),
    )

    product_id: Mapped[UUID] = mapped_column(ForeignKey("products.id", ondelete="RESTRICT"))
    quantity: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    order_id: Mapped[UUID | None]
    # Who adjusted it; null for what the saga did.
    actor_id: Mapped[UUID | None]
