from uuid import UUID

from sqlalchemy import Boolean, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from notification_service.extensions import Base
from notification_service.models.messages import Category
from notification_service.models.receivers import Channel


class Preference(Base):
    """What a user wants to hear, and how; None where the user never chose.

    Codes are not asked about: the user asks for them.
    """

    __tablename__ = "preferences"
    __table_args__ = (UniqueConstraint("user_id"),)

    user_id: Mapped[UUID]
    locale: Mapped[str | None] = mapped_column(String(10))
    time_zone: Mapped[str | None] = mapped_column(String(60))
    email_notice: Mapped[bool | None] = mapped_column(Boolean)
    sms_notice: Mapped[bool | None] = mapped_column(Boolean)
    email_marketing: Mapped[bool | None] = mapped_column(Boolean)
    sms_marketing: Mapped[bool | None] = mapped_column(Boolean)

    def refuses(self, channel: Channel, category: Category) -> bool:
        """Tell whether such messages must not be sent: marketing unless it was asked for."""
        if category is Category.CODE:
            return False
        chosen: bool | None = getattr(self, f"{channel}_{category}")
        return not chosen if category is Category.MARKETING else chosen is False

    def wants_news(self, channel: Channel) -> bool:
        """Tell where news of orders go: by mail, by SMS only if that was asked for."""
        chosen: bool | None = getattr(self, f"{channel}_notice")
        return channel is Channel.EMAIL if chosen is None else chosen
