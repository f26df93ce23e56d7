from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.extensions import Base


class ReceivedWebhook(Base):
    """The id of a webhook that had its effect: providers send one again until they see a 200."""

    __tablename__ = "received_webhooks"
    __table_args__ = (UniqueConstraint("provider", "webhook_id"),)

    provider: Mapped[str] = mapped_column(String(40))
    webhook_id: Mapped[str] = mapped_column(String(100))
    type: Mapped[str] = mapped_column(String(60))
