"""A product: what is sold, at which price. How much of it there is, is in `stock`."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from chassis.exceptions import PreconditionFailed
from product_service.extensions import Base
from product_service.models.search_text import search_vector


class ProductStatus(StrEnum):
    """An archived product stays readable by staff and in old orders, and cannot be sold."""

    ACTIVE = "active"
    ARCHIVED = "archived"


# What a list may be sorted by, and the column behind it; `-` in front turns it round.
SORT_COLUMNS = {"price": "price_amount", "name": "name", "sku": "sku", "created_at": "created_at"}
RELEVANCE = "relevance"


class Product(Base):
    """The catalogue entry. `version` counts edits by people; stock has a version of its own."""

    __tablename__ = "products"
    __table_args__ = (
        CheckConstraint("price_amount >= 0", name="price_not_negative"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_is_iso_4217"),
        CheckConstraint("status IN ('active', 'archived')", name="status_is_known"),
        # One index for each allowed order, each closed by the id that makes a keyset page exact.
        Index("ix_products_status_created_at", "status", "created_at", "id"),
        Index("ix_products_status_price", "status", "price_amount", "id"),
        Index("ix_products_status_name", "status", "name", "id"),
        Index("ix_products_search", "search", postgresql_using="gin"),
        Index(
            "ix_products_attributes",
            "attributes",
            postgresql_using="gin",
            postgresql_ops={"attributes": "jsonb_path_ops"},
        ),
    )

    sku: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text, server_default=text("''"))
    price_amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)
    category_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("categories.id", ondelete="RESTRICT"), index=True
    )
    attributes: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    images: Mapped[list[str]] = mapped_column(JSONB, server_default=text("'[]'"))
    status: Mapped[str] = mapped_column(Text, server_default=text("'active'"))
    version: Mapped[int] = mapped_column(default=1)
    # Written by `refresh_search`, not by a trigger or a generated column: Postgres' own parser does
    # not split Chinese into words. Deferred, because no reader wants it back.
    search: Mapped[str] = mapped_column(TSVECTOR, deferred=True)

    def require_version(self, expected: int) -> None:
        """Raise PreconditionFailed unless `expected` is the version that is stored."""
        if self.version != expected:
            raise PreconditionFailed

    def refresh_search(self) -> None:
        """Recompute what full-text search finds this product by."""
        self.search = search_vector(self.sku, self.name, self.description, self.attributes)

    def change(self, changes: dict[str, Any]) -> bool:
        """Set the given columns; return whether anything differs from before."""
        differing = {name: value for name, value in changes.items() if getattr(self, name) != value}
        for name, value in differing.items():
            setattr(self, name, value)
        if differing:
            self.version += 1
            self.refresh_search()
        return bool(differing)
