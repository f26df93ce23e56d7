"""The events of a payment, as `contracts/events` describes them."""

from typing import Any

from sqlalchemy.orm import Session

from chassis.messaging import outbox
from payment_service.models.payments import Payment
from payment_service.models.refunds import Refund


def _about(payment: Payment) -> dict[str, Any]:
    return {
        "payment_id": str(payment.id),
        "order_id": str(payment.order_id),
        "customer_id": str(payment.customer_id),
    }


def announce_succeeded(session: Session, payment: Payment) -> None:
    """Publish payment.succeeded.v1 with the captured amount."""
    money = {"amount": payment.captured_amount, "currency": payment.currency}
    outbox.record(session, "payment.succeeded.v1", payment.id, {**_about(payment), **money})


def announce_failed(session: Session, payment: Payment) -> None:
    """Publish payment.failed.v1."""
    why = {"code": payment.failure_code, "message": payment.failure_message}
    outbox.record(session, "payment.failed.v1", payment.id, {**_about(payment), **why})


def announce_refunded(session: Session, payment: Payment, refund: Refund) -> None:
    """Publish payment.refunded.v1."""
    given_back = {
        "refund_id": str(refund.id),
        "amount": refund.amount,
        "currency": refund.currency,
        "refunded_total": payment.refunded_amount,
        "reason": refund.reason,
    }
    outbox.record(session, "payment.refunded.v1", payment.id, {**_about(payment), **given_back})
