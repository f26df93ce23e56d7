from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column, relationship

from order_service.extensions import Base
from order_service.models.errors import CartFull, NotInCart, QuantityTooLarge

# A line's largest quantity: far above any real order, far below what would overflow a total.
MAX_QUANTITY = 1_000_000


class Cart(Base):
    """What a customer means to order; prices and names are product-service's business."""

    __tablename__ = "carts"

    customer_id: Mapped[UUID] = mapped_column(Uuid, unique=True)
    items: Mapped[list["CartItem"]] = relationship(
        back_populates="cart", cascade="all, delete-orphan", order_by="CartItem.id"
    )

    def add(self, product_id: UUID, quantity: int, *, max_lines: int) -> None:
        """Add units of a product; they join the line that is already there.

        Raises CartFull and QuantityTooLarge.
        """
        item = self._find(product_id)
        if item is None:
            if len(self.items) >= max_lines:
                raise CartFull(f"A cart holds at most {max_lines} different products")
            self.items.append(CartItem(product_id=product_id, quantity=quantity))
            return
        if item.quantity + quantity > MAX_QUANTITY:
            raise QuantityTooLarge(f"At most {MAX_QUANTITY} units of a product can be ordered")
        item.quantity += quantity

    def change(self, product_id: UUID, quantity: int) -> None:
        """Set a line's quantity; raises NotInCart."""
        item = self._find(product_id)
        if item is None:
            raise NotInCart
        item.quantity = quantity

    def remove(self, product_id: UUID) -> None:
        """Remove a line; raises NotInCart."""
        item = self._find(product_id)
        if item is None:
            raise NotInCart
        self.items.remove(item)

    def clear(self) -> None:
        """Remove every line."""
        self.items.clear()

    def _find(self, product_id: UUID) -> "CartItem | None":
        return next((item for item in self.items if item.product_id == product_id), None)


class CartItem(Base):
    """One product in a cart."""

    __tablename__ = "cart_items"
    __table_args__ = (
        UniqueConstraint("cart_id", "product_id", name="uq_cart_items_cart_product"),
        CheckConstraint(f"quantity BETWEEN 1 AND {MAX_QUANTITY}", name="quantity"),
    )

    cart_id: Mapped[UUID] = mapped_column(ForeignKey("carts.id", ondelete="CASCADE"))
    product_id: Mapped[UUID]
    quantity: Mapped[int]
    cart: Mapped[Cart] = relationship(back_populates="items")
