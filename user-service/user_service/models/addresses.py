"""Postal addresses of an account."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.exceptions import Conflict, NotFound, PreconditionFailed
from user_service.extensions import Base

MAX_ADDRESSES = 50


class AddressNotFound(NotFound):
    """There is no such address."""

    code = "users.address_not_found"


class TooManyAddresses(Conflict):
    """An account holds at most 50 addresses."""

    code = "users.too_many_addresses"


class Address(Base):
    """A postal address; at most one of an account is its default."""

    __tablename__ = "addresses"
    __table_args__ = (
        Index("ix_addresses_user_id", "user_id"),
        Index(
            "uq_addresses_user_id_default",
            "user_id",
            unique=True,
            postgresql_where=text("is_default"),
        ),
        CheckConstraint("country ~ '^[A-Z]{2}$'", name="country_iso2"),
    )

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    label: Mapped[str | None] = mapped_column(Text)
    recipient: Mapped[str] = mapped_column(Text)
    line1: Mapped[str] = mapped_column(Text)
    line2: Mapped[str | None] = mapped_column(Text)
    city: Mapped[str] = mapped_column(Text)
    region: Mapped[str | None] = mapped_column(Text)
    postal_code: Mapped[str] = mapped_column(Text)
    country: Mapped[str] = mapped_column(Text)
    phone: Mapped[str | None] = mapped_column(Text)
    is_default: Mapped[bool] = mapped_column(server_default=text("false"))
    version: Mapped[int] = mapped_column(server_default=text("1"))

    def require_version(self, expected: int) -> None:
        """Raise PreconditionFailed unless `expected` is the current version."""
        if self.version != expected:
            raise PreconditionFailed
