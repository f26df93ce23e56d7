"""Tables of the demo service."""

from sqlalchemy import CheckConstraint, Integer, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from chassis.base_model import BaseModel, service_metadata
from chassis.database import create_database


class Base(BaseModel, DeclarativeBase):
    """Declarative base of the demo service."""

    metadata = service_metadata()


db = create_database(Base.metadata)


class Widget(Base):
    """A thing; `name` is unique, `rank` may be unknown."""

    __tablename__ = "widgets"
    __table_args__ = (
        UniqueConstraint("name"),
        CheckConstraint("quantity >= 0", name="quantity_not_negative"),
    )

    name: Mapped[str] = mapped_column(Text)
    quantity: Mapped[int] = mapped_column(Integer, default=0)
    rank: Mapped[int | None] = mapped_column(Integer)
    note: Mapped[str | None] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, default="pending")
    version: Mapped[int] = mapped_column(Integer, default=1)
