import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    Index,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from chassis import clock
from chassis.base_model import new_id
from chassis.money import Money
from order_service.extensions import Base
from order_service.models.errors import IllegalMove, ReservationMismatch
from order_service.models.lifecycle import RULES, UNPAID, OrderEvent, OrderStatus, Outcome, Rule
from order_service.models.lines import OrderLine, ReservedLine
from order_service.models.payments import OrderPayment, Refund
from order_service.models.timeline import TimelineEntry

MAX_LINES = 1000

# Crockford's base 32: no I, L, O, U, so that a number survives being read out on the telephone.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_number() -> str:
    """Return a human order number such as `7KQ2M-X04ZD`: 50 random bits, so it tells no count."""
    letters = [secrets.choice(_ALPHABET) for _ in range(10)]
    return "".join(letters[:5]) + "-" + "".join(letters[5:])


@dataclass(frozen=True, kw_only=True)
class Placement:
    """What a customer orders. lines: quantity by product, already merged."""

    customer_id: UUID
    lines: Mapping[UUID, int]
    expected_total: Money | None = None
    shipping_address: dict[str, Any] | None = None
    note: str | None = None


class Order(Base):
    """An order: its lines, its state, its money. Only this service moves it."""

    __tablename__ = "orders"
    __table_args__ = (
        CheckConstraint(
            f"status IN ({', '.join(repr(str(s)) for s in OrderStatus)})", name="status"
        ),
        CheckConstraint("(total IS NULL) = (currency IS NULL)", name="total_currency"),
        CheckConstraint("total >= 0", name="total"),
        CheckConstraint("refunded_amount BETWEEN 0 AND paid_amount", name="refunded"),
        # An unpaid order always has a deadline, or nobody would ever end it.
        CheckConstraint(
            "(status IN ('pending', 'awaiting_payment')) = (expires_at IS NOT NULL)",
            name="deadline",
        ),
        CheckConstraint(
            "status NOT IN ('paid', 'shipped', 'delivered', 'refunded') OR payment_id IS NOT NULL",
            name="paid_by",
        ),
        UniqueConstraint("number", name="uq_orders_number"),
        UniqueConstraint("payment_id", name="uq_orders_payment_id"),
        Index("ix_orders_customer", "customer_id", "created_at", "id"),
        Index("ix_orders_status", "status", "created_at", "id"),
        Index("ix_orders_created", "created_at", "id"),
        Index("ix_orders_deadline", "expires_at", postgresql_where=text("expires_at IS NOT NULL")),
    )

    number: Mapped[str] = mapped_column(String(11), default=new_number)
    customer_id: Mapped[UUID]
    status: Mapped[str] = mapped_column(String(20), default=OrderStatus.PENDING)
    currency: Mapped[str | None] = mapped_column(String(3))
    total: Mapped[int | None] = mapped_column(BigInteger)
    expected_amount: Mapped[int | None] = mapped_column(BigInteger)
    expected_currency: Mapped[str | None] = mapped_column(String(3))
    payment_id: Mapped[UUID | None]
    # Sums over every payment that arrived, also those that were given back at once.
    paid_amount: Mapped[int] = mapped_column(BigInteger, default=0)
    refunded_amount: Mapped[int] = mapped_column(BigInteger, default=0)
    expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    reason: Mapped[str | None] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
    shipping_address: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    carrier: Mapped[str | None] = mapped_column(Text)
    tracking_number: Mapped[str | None] = mapped_column(Text)
    version: Mapped[int] = mapped_column(default=0)

    lines: Mapped[list[OrderLine]] = relationship(order_by=OrderLine.position)
    timeline: Mapped[list[TimelineEntry]] = relationship(order_by=TimelineEntry.position)
    payments: Mapped[list[OrderPayment]] = relationship(order_by=OrderPayment.id)
    refunds: Mapped[list[Refund]] = relationship(order_by=Refund.id)

    @classmethod
    def place(cls, placement: Placement, *, ttl: int) -> "Order":
        """Make a pending order; ttl: seconds until it is given up if stock gives no answer."""
        expected = placement.expected_total
        order = cls(
            id=new_id(),
            number=new_number(),
            customer_id=placement.customer_id,
            status=OrderStatus.PENDING,
            expected_amount=expected.amount if expected else None,
            expected_currency=expected.currency if expected else None,
            paid_amount=0,
            refunded_amount=0,
            expires_at=clock.now() + timedelta(seconds=ttl),
            note=placement.note,
            shipping_address=placement.shipping_address,
            version=0,
            lines=[
                OrderLine(position=position, product_id=product_id, quantity=quantity)
                for position, (product_id, quantity) in enumerate(placement.lines.items(), 1)
            ],
            timeline=[],
            payments=[],
            refunds=[],
        )
        order._record("placed", Outcome.MOVED, None, {})
        return order

    def advance(self, event: OrderEvent, detail: dict[str, Any] | None = None) -> Rule:
        """Feed one event into the state machine and write it into the timeline.

        The caller holds the row's lock. Raises IllegalMove for a command that the state refuses,
        before anything changed.
        """
        rule = RULES[OrderStatus(self.status), event]
        if rule.outcome is Outcome.REFUSED:
            raise IllegalMove(
                f"An order that is {self.status} cannot be moved by '{event}'",
                code=f"orders.{event}_refused",
            )
        before = self.status
        if rule.to is not None:
            self.status = rule.to
            if rule.to not in UNPAID:
                self.expires_at = None
        self._record(event, rule.outcome, before, detail or {})
        return rule

    def expects(self, event: OrderEvent) -> bool:
        """Tell whether the event would move the order now."""
        return RULES[OrderStatus(self.status), event].outcome is Outcome.MOVED

    def price(self, lines: list[ReservedLine], currency: str) -> None:
        """Take names and prices from the reservation; the total is the sum of the lines.

        Raises ReservationMismatch where it holds other products or quantities than were ordered.
        """
        reserved = {line.product_id: line for line in lines}
        wanted = {line.product_id: line.quantity for line in self.lines}
        if {key: line.quantity for key, line in reserved.items()} != wanted:
            raise ReservationMismatch(f"order {self.id}: other products or quantities")
        for line in self.lines:
            line.take(reserved[line.product_id])
        self.currency = currency
        self.total = sum(line.line_total or 0 for line in self.lines)

    def receive(self, payment: OrderPayment, *, accepted: bool) -> None:
        """Take note of money that arrived; `accepted` makes it the payment of this order."""
        payment.accepted = accepted
        self.payments.append(payment)
        self.paid_amount += payment.amount
        self.refunded_amount += payment.refunded
        if accepted:
            self.payment_id = payment.id

    @property
    def accepted_payment(self) -> OrderPayment | None:
        """The payment that pays for this order."""
        return next((payment for payment in self.payments if payment.accepted), None)

    @property
    def money(self) -> Money | None:
        """The total, None until product-service has priced the order."""
        if self.total is None or self.currency is None:
            return None
        return Money(self.total, self.currency)

    @property
    def expected(self) -> Money | None:
        """The total that the customer was shown, if the order told it."""
        if self.expected_amount is None or self.expected_currency is None:
            return None
        return Money(self.expected_amount, self.expected_currency)

    def _record(
        self, event: str, outcome: Outcome, before: str | None, detail: dict[str, Any]
    ) -> None:
        self.version += 1
        self.timeline.append(
            TimelineEntry(
                position=self.version,
                event=str(event),
                outcome=str(outcome),
                from_status=before,
                to_status=str(self.status),
                detail=detail,
                created_at=clock.now(),
            )
        )
