from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.extensions import Base


class OperationKind(StrEnum):
    AUTHORIZE = "authorize"
    CHARGE = "charge"
    CAPTURE = "capture"
    CANCEL = "cancel"
    REFUND = "refund"


# These take money from the customer: after a call without an answer they are only looked up.
TAKES_MONEY = frozenset({OperationKind.AUTHORIZE, OperationKind.CHARGE, OperationKind.CAPTURE})


class OperationState(StrEnum):
    DUE = "due"
    # A worker has it until `due_at`; what is there later died with its worker.
    STARTED = "started"
    # The call had no answer; `due_at` is the time of the next lookup.
    UNKNOWN = "unknown"
    DONE = "done"


class Operation(Base):
    """One thing to be done at the provider, decided in the transaction that wrote it.

    The row is the memory and the task only a hint: a task that gets lost is found by `due_at`.
    `key` is the provider's idempotency key, so that the same operation has its effect there once.
    """

    __tablename__ = "operations"
    __table_args__ = (
        UniqueConstraint("key"),
        UniqueConstraint("refund_id"),
        CheckConstraint("kind IN ('authorize','charge','capture','cancel','refund')", name="kind"),
        CheckConstraint("state IN ('due', 'started', 'unknown', 'done')", name="state"),
        CheckConstraint("amount >= 0", name="amount"),
        CheckConstraint("(kind = 'refund') = (refund_id IS NOT NULL)", name="refund_id"),
        # Refunds aside, a payment does one thing at a time.
        Index(
            "uq_operations_open_payment",
            "payment_id",
            unique=True,
            postgresql_where=text("kind <> 'refund' AND state <> 'done'"),
        ),
        Index("ix_operations_payment_id", "payment_id"),
        Index("ix_operations_open", "due_at", postgresql_where=text("state <> 'done'")),
    )

    payment_id: Mapped[UUID] = mapped_column(ForeignKey("payments.id"))
    refund_id: Mapped[UUID | None] = mapped_column(ForeignKey("refunds.id"))
    kind: Mapped[str] = mapped_column(String(10))
    key: Mapped[str] = mapped_column(String(100))
    amount: Mapped[int] = mapped_column(BigInteger)
    # Set when the operation goes on with what the customer has confirmed at the provider.
    action_reference: Mapped[str | None] = mapped_column(String(100))
    state: Mapped[str] = mapped_column(String(10), default=OperationState.DUE)
    due_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    started_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    attempts: Mapped[int] = mapped_column(Integer, default=0)

    @property
    def takes_money(self) -> bool:
        """Tell whether doing it twice would cost the customer money."""
        return self.kind in TAKES_MONEY

    def start(self, at: datetime, lease: timedelta) -> None:
        """Hand it to a worker, until the lease ends."""
        self.state = OperationState.STARTED
        self.started_at = at
        self.due_at = at + lease
        self.attempts += 1

    def park(self, until: datetime) -> None:
        """Wait for a lookup, because nobody knows whether the provider did it."""
        self.state = OperationState.UNKNOWN
        self.due_at = until

    def postpone(self, until: datetime) -> None:
        """Do it later; only for what the provider certainly has not done, or will not do twice."""
        self.state = OperationState.DUE
        self.due_at = until

    def finish(self) -> None:
        """Remember that the outcome was applied."""
        self.state = OperationState.DONE


class Attempt(Base):
    """One call to the provider about an operation, and what came of it."""

    __tablename__ = "attempts"
    __table_args__ = (Index("ix_attempts_payment_id", "payment_id"),)

    payment_id: Mapped[UUID] = mapped_column(ForeignKey("payments.id"))
    operation_id: Mapped[UUID] = mapped_column(ForeignKey("operations.id"))
    kind: Mapped[str] = mapped_column(String(10))
    outcome: Mapped[str] = mapped_column(String(20))
    code: Mapped[str | None] = mapped_column(String(60))
    provider_reference: Mapped[str | None] = mapped_column(String(100))
