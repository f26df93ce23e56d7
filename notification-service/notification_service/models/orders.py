from uuid import UUID

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from notification_service.extensions import Base


class KnownOrder(Base):
    """What customers call an order, for news of others that know its id only."""

    __tablename__ = "known_orders"
    __table_args__ = (UniqueConstraint("order_id"),)

    order_id: Mapped[UUID]
    number: Mapped[str] = mapped_column(String(20))
