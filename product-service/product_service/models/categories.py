"""Categories form a tree; a slug names one in filters and import files."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.exceptions import PreconditionFailed, Unprocessable
from product_service.extensions import Base


class CategoryCycle(Unprocessable):
    """A category cannot be below itself."""

    code = "products.category_cycle"


class Category(Base):
    """One node of the tree; `parent_id` is null at the root."""

    __tablename__ = "categories"
    __table_args__ = (CheckConstraint("parent_id <> id", name="not_own_parent"),)

    name: Mapped[str] = mapped_column(Text)
    slug: Mapped[str] = mapped_column(Text, unique=True)
    parent_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("categories.id", ondelete="RESTRICT"), index=True
    )
    version: Mapped[int] = mapped_column(default=1)

    def require_version(self, expected: int) -> None:
        """Raise PreconditionFailed unless `expected` is the version that is stored."""
        if self.version != expected:
            raise PreconditionFailed

    def move(self, parent_id: UUID | None, parents: Mapping[UUID, UUID | None]) -> None:
        """Hang this category below another one.

        parents: the parent of every category, read under a lock that keeps the tree still.
        Raises CategoryCycle if `parent_id` is this category or one below it.
        """
        ancestor = parent_id
        while ancestor is not None:
            if ancestor == self.id:
                raise CategoryCycle(
                    errors=[{"field": "parent_id", "message": "Is this category or one below it."}]
                )
            ancestor = parents.get(ancestor)
        self.parent_id = parent_id
