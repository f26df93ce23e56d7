from enum import StrEnum

from sqlalchemy import CheckConstraint, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from notification_service.extensions import Base
from notification_service.models.messages import Category, listed
from notification_service.models.receivers import Channel


class Scope(StrEnum):
    # The person said no to marketing.
    MARKETING = "marketing"
    # The person said no to everything but codes, or the provider reported an opt-out.
    NOTICES = "notices"
    # Nothing can arrive there: codes neither.
    ALL = "all"


_COVERS = {
    Category.MARKETING: (Scope.MARKETING, Scope.NOTICES, Scope.ALL),
    Category.NOTICE: (Scope.NOTICES, Scope.ALL),
    Category.CODE: (Scope.ALL,),
}


class Suppression(Base):
    """An address or number that gets no messages of a kind, whoever submits them."""

    __tablename__ = "suppressions"
    __table_args__ = (
        UniqueConstraint("channel", "receiver", "scope"),
        CheckConstraint(f"channel IN ({listed(Channel)})", name="channel"),
        CheckConstraint(f"scope IN ({listed(Scope)})", name="scope"),
    )

    channel: Mapped[str] = mapped_column(String(10))
    # In lower case: nobody has two mailboxes that differ in nothing else.
    receiver: Mapped[str] = mapped_column(String(254))
    scope: Mapped[str] = mapped_column(String(10))
    # `unsubscribed`, `staff`, or the provider and its code.
    reason: Mapped[str] = mapped_column(String(150))


def scopes_against(category: Category) -> tuple[Scope, ...]:
    """Return the scopes that keep a category from being sent."""
    return _COVERS[category]
