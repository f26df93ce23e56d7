"""What this service publishes, and what it does with the events of order-service."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from chassis.messaging.event import Event
from chassis.money import Money
from payment_service.services.payables import close_payable, open_payable
from payment_service.services.refunds import RefundOrder, refund_for_order


def _on_awaiting_payment(session: Session, event: Event) -> None:
    data = event.data
    open_payable(
        session,
        order_id=UUID(data["order_id"]),
        customer_id=UUID(data["customer_id"]),
        money=Money(data["amount"], data["currency"]),
        expires_at=datetime.fromisoformat(data["expires_at"]),
    )


def _on_cancelled(session: Session, event: Event) -> None:
    close_payable(session, UUID(event.data["order_id"]), "cancelled")


def _on_expired(session: Session, event: Event) -> None:
    close_payable(session, UUID(event.data["order_id"]), "expired")


def _on_refund_requested(session: Session, event: Event) -> None:
    data = event.data
    refund_for_order(
        session,
        RefundOrder(
            refund_id=UUID(data["refund_id"]),
            payment_id=UUID(data["payment_id"]),
            money=Money(data["amount"], data["currency"]),
            reason=data["reason"],
        ),
    )


PUBLISHES = frozenset({"payment.succeeded.v1", "payment.failed.v1", "payment.refunded.v1"})
CONSUMES: dict[str, Callable[[Session, Event], None]] = {
    "order.awaiting_payment.v1": _on_awaiting_payment,
    "order.cancelled.v1": _on_cancelled,
    "order.expired.v1": _on_expired,
    "refund.requested.v1": _on_refund_requested,
}
UNCONSUMED: frozenset[str] = frozenset()
