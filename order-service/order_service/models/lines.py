from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from order_service.extensions import Base
from order_service.models.carts import MAX_QUANTITY


@dataclass(frozen=True, kw_only=True)
class ReservedLine:
    """One line as product-service reserved it. unit_price: minor units."""

    product_id: UUID
    sku: str
    name: str
    quantity: int
    unit_price: int


class OrderLine(Base):
    """One product of an order; names and prices are a snapshot of the reservation's."""

    __tablename__ = "order_lines"
    __table_args__ = (
        UniqueConstraint("order_id", "product_id", name="uq_order_lines_order_product"),
        CheckConstraint(f"quantity BETWEEN 1 AND {MAX_QUANTITY}", name="quantity"),
        CheckConstraint("unit_price >= 0", name="unit_price"),
        CheckConstraint("line_total = unit_price * quantity", name="line_total"),
    )

    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id", ondelete="CASCADE"))
    position: Mapped[int]
    product_id: Mapped[UUID]
    quantity: Mapped[int]
    sku: Mapped[str | None] = mapped_column(Text)
    name: Mapped[str | None] = mapped_column(Text)
    unit_price: Mapped[int | None] = mapped_column(BigInteger)
    line_total: Mapped[int | None] = mapped_column(BigInteger)

    def take(self, reserved: ReservedLine) -> None:
        """Copy what the reservation says about this line."""
        self.sku, self.name = reserved.sku, reserved.name
        self.unit_price = reserved.unit_price
        self.line_total = reserved.unit_price * self.quantity
