from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, Integer, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from payment_service.extensions import Base
from payment_service.models.lifecycle import ACTIVE, PaymentEvent, PaymentStatus, next_status
from payment_service.models.operations import Attempt


class CaptureMethod(StrEnum):
    AUTOMATIC = "automatic"
    MANUAL = "manual"


_ACTIVE = ", ".join(f"'{status}'" for status in ACTIVE)
_STATUSES = ", ".join(f"'{status}'" for status in PaymentStatus)


class Payment(Base):
    """One try to pay for an order. Amounts are minor units of `currency`.

    Every change locks the row first, so that a client, a webhook and a worker at the same time
    follow one another. The partial unique index is the belt against a second charge of an order.
    """

    __tablename__ = "payments"
    __table_args__ = (
        CheckConstraint(f"status IN ({_STATUSES})", name="status"),
        CheckConstraint("capture_method IN ('automatic', 'manual')", name="capture_method"),
        CheckConstraint("amount >= 0", name="amount"),
        CheckConstraint("captured_amount BETWEEN 0 AND amount", name="captured"),
        CheckConstraint("refunded_amount BETWEEN 0 AND captured_amount", name="refunded"),
        Index(
            "uq_payments_active_order",
            "order_id",
            unique=True,
            postgresql_where=text(f"status IN ({_ACTIVE})"),
        ),
        Index("ix_payments_order_id", "order_id"),
        Index("ix_payments_customer_id_id", "customer_id", "id"),
        Index("ix_payments_unknown", "id", postgresql_where=text("status = 'unknown'")),
    )

    order_id: Mapped[UUID]
    customer_id: Mapped[UUID]
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    status: Mapped[str] = mapped_column(String(20), default=PaymentStatus.PROCESSING)
    capture_method: Mapped[str] = mapped_column(String(10))
    # The provider's token for the means of payment, never a card number; not dumped, not logged.
    source: Mapped[str] = mapped_column(String(100))
    provider_reference: Mapped[str | None] = mapped_column(String(100))
    captured_amount: Mapped[int] = mapped_column(BigInteger, default=0)
    refunded_amount: Mapped[int] = mapped_column(BigInteger, default=0)
    failure_code: Mapped[str | None] = mapped_column(String(60))
    failure_message: Mapped[str | None] = mapped_column(Text)
    next_action: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    operations_count: Mapped[int] = mapped_column(Integer, default=0)
    version: Mapped[int] = mapped_column(Integer)

    attempts: Mapped[list[Attempt]] = relationship(order_by=Attempt.id, lazy="selectin")

    __mapper_args__ = {"version_id_col": version}

    @property
    def failure(self) -> dict[str, str] | None:
        """Why the payment failed, or None."""
        if self.failure_code is None:
            return None
        return {"code": self.failure_code, "message": self.failure_message or ""}

    @property
    def settled(self) -> bool:
        """Tell whether nothing is under way that the caller could wait for."""
        return self.status != PaymentStatus.PROCESSING

    @property
    def automatic(self) -> bool:
        """Tell whether authorization and capture are one step."""
        return self.capture_method == CaptureMethod.AUTOMATIC

    def allows(self, event: PaymentEvent) -> None:
        """Raise IllegalMove unless the state allows `event`."""
        next_status(PaymentStatus(self.status), event)

    def move(self, event: PaymentEvent) -> None:
        """Change the state by the table in `lifecycle`; raises IllegalMove."""
        self.status = next_status(PaymentStatus(self.status), event)
        if self.status != PaymentStatus.REQUIRES_ACTION:
            self.next_action = None

    def need_action(self, reference: str, url: str) -> None:
        """Wait for the customer, who acts at `url`."""
        self.move(PaymentEvent.ACTION_NEEDED)
        self.provider_reference = reference
        self.next_action = {"type": "redirect", "url": url}

    def authorize(self, reference: str) -> None:
        """Note that the provider holds the amount."""
        self.move(PaymentEvent.AUTHORIZED)
        self.provider_reference = reference

    def capture(self, reference: str, amount: int) -> None:
        """Note that `amount` was taken; what else was held is released by the provider."""
        self.move(PaymentEvent.CAPTURED)
        self.provider_reference = reference
        self.captured_amount = amount

    def fail(self, code: str, message: str) -> None:
        """End without money."""
        self.move(PaymentEvent.FAILED)
        self.failure_code, self.failure_message = code, message
