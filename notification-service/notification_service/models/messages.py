from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from notification_service.extensions import Base
from notification_service.models.lifecycle import MessageState, next_state
from notification_service.models.receivers import Channel, masked


class Category(StrEnum):
    """What a message is for; the order is that of sending."""

    CODE = "code"
    NOTICE = "notice"
    MARKETING = "marketing"


PRIORITIES = {Category.CODE: 0, Category.NOTICE: 1, Category.MARKETING: 2}


def listed(values: type[StrEnum]) -> str:
    """Return the values of an enumeration as SQL wants them in a check."""
    return ", ".join(f"'{value}'" for value in values)


class AttemptState(StrEnum):
    # Written before the provider is called: found like this later, nobody knows what happened.
    CALLING = "calling"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class Attempt(Base):
    """One call to a provider, and what came of it."""

    __tablename__ = "attempts"
    __table_args__ = (
        CheckConstraint(f"state IN ({listed(AttemptState)})", name="state"),
        Index("ix_attempts_message_id", "message_id"),
    )

    message_id: Mapped[UUID] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"))
    provider: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(10), default=AttemptState.CALLING)
    kind: Mapped[str | None] = mapped_column(String(30))
    code: Mapped[str | None] = mapped_column(String(100))
    provider_id: Mapped[str | None] = mapped_column(String(150))
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Message(Base):
    """One text to one receiver.

    The row is the queue: workers claim it by `state` and `due_at`. What it says is kept sealed,
    because it holds codes and names, and no longer than it has to be.
    """

    __tablename__ = "messages"
    __table_args__ = (
        CheckConstraint(f"channel IN ({listed(Channel)})", name="channel"),
        CheckConstraint(f"category IN ({listed(Category)})", name="category"),
        CheckConstraint(f"state IN ({listed(MessageState)})", name="state"),
        Index(
            "ix_messages_queue",
            "priority",
            "due_at",
            postgresql_where=text("state = 'queued'"),
        ),
        # Claimed by a worker that may be dead, or waiting for an answer about its fate.
        Index(
            "ix_messages_open",
            "due_at",
            postgresql_where=text("state IN ('sending', 'unknown')"),
        ),
        # For the limits of a number, and for finding a person's messages by address.
        Index("ix_messages_receiver_created_at", "receiver", "created_at"),
        Index("ix_messages_user_id_id", "user_id", "id"),
        Index("ix_messages_submission_id", "submission_id"),
        Index(
            "ix_messages_provider_id",
            "provider_id",
            "provider",
            postgresql_where=text("provider_id IS NOT NULL"),
        ),
        Index("ix_messages_content", "id", postgresql_where=text("sealed IS NOT NULL")),
    )

    submission_id: Mapped[UUID]
    channel: Mapped[str] = mapped_column(String(10))
    receiver: Mapped[str] = mapped_column(String(254))
    user_id: Mapped[UUID | None]
    category: Mapped[str] = mapped_column(String(10))
    priority: Mapped[int] = mapped_column(SmallInteger)
    template: Mapped[str] = mapped_column(String(60))
    locale: Mapped[str] = mapped_column(String(10))
    template_version: Mapped[int] = mapped_column(Integer)
    sealed: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(10), default=MessageState.QUEUED)
    # Queued: not before. Sending: the end of the lease. Unknown: the next question; null: no more.
    due_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    tries: Mapped[int] = mapped_column(Integer, default=0)
    lookups: Mapped[int] = mapped_column(Integer, default=0)
    # Providers that refused it for reasons of their own.
    refused_by: Mapped[list[str]] = mapped_column(JSONB, default=list)
    provider: Mapped[str | None] = mapped_column(String(40))
    provider_id: Mapped[str | None] = mapped_column(String(150))
    segments: Mapped[int | None] = mapped_column(Integer)
    failure_kind: Mapped[str | None] = mapped_column(String(30))
    failure_code: Mapped[str | None] = mapped_column(String(100))
    submitted_by: Mapped[UUID | None]
    submitted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    sent_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    settled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    attempts: Mapped[list[Attempt]] = relationship(order_by=Attempt.id, lazy="raise")

    @property
    def failure(self) -> dict[str, Any] | None:
        """Why the message did not arrive, or None."""
        if self.failure_kind is None:
            return None
        return {"kind": self.failure_kind, "code": self.failure_code or self.failure_kind}

    @property
    def masked_receiver(self) -> str:
        """The receiver as logs may show it."""
        return masked(self.receiver)

    def move(self, to: MessageState, at: datetime) -> None:
        """Change the state by the table in `lifecycle`; raises IllegalMove."""
        self.state = next_state(MessageState(self.state), to)
        if to in (MessageState.SENT, MessageState.DELIVERED) and self.sent_at is None:
            self.sent_at = at
        if to not in (MessageState.QUEUED, MessageState.SENDING, MessageState.UNKNOWN):
            self.due_at = None
        if to in (MessageState.DELIVERED, MessageState.FAILED, MessageState.EXPIRED):
            self.settled_at = at

    def queue(self, due_at: datetime, at: datetime) -> None:
        """Let it be sent, again, from `due_at` on."""
        self.move(MessageState.QUEUED, at)
        self.due_at = due_at

    def fail(self, kind: str, code: str, at: datetime) -> None:
        """End without having reached anybody; `kind` says what it means, `code` who said so."""
        self.move(MessageState.FAILED, at)
        self.failure_kind, self.failure_code = kind, code[:100]

    def cancel(self, at: datetime) -> None:
        """Withdraw it; raises IllegalMove once a worker has it."""
        self.move(MessageState.CANCELLED, at)
        self.sealed = None
