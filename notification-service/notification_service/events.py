"""What happens to customers elsewhere, and what they are told of it. Publishes nothing."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from chassis.messaging.event import Event, TerminalError
from chassis.money import Money
from chassis.sealing import unseal
from notification_service.models.receivers import Channel
from notification_service.services import contacts, customer_news
from notification_service.services.contacts import ContactNews
from notification_service.services.customer_news import News, Verification
from notification_service.services.orders import call_order
from notification_service.wiring import policy

Handler = Callable[[Session, Event], None]


def _contact(event: Event) -> ContactNews:
    data = event.data
    return ContactNews(
        user_id=UUID(data["user_id"]),
        sequence=event.sequence,
        email=data["email"],
        name=data["name"],
        phone=data["phone"],
        # Events of an older user-service do not tell these.
        phone_verified=data.get("phone_verified", False),
        locale=data.get("locale"),
    )


def _on_registered(session: Session, event: Event) -> None:
    _on_updated(session, event)
    customer_news.tell(session, policy(), News(UUID(event.data["user_id"]), "welcome", {}))


def _on_updated(session: Session, event: Event) -> None:
    contact = _contact(event)
    contacts.lock_user(session, contact.user_id)
    contacts.save_contact(session, contact)
    customer_news.tell_waiting(session, policy(), contact.user_id)


def _on_deactivated(session: Session, event: Event) -> None:
    user_id = UUID(event.data["user_id"])
    contacts.lock_user(session, user_id)
    contacts.close_contact(session, user_id, event.sequence)


def _on_security_changed(session: Session, event: Event) -> None:
    data = event.data
    customer_news.warn_owner(
        session,
        policy(),
        user_id=UUID(data["user_id"]),
        email=data["email"],
        locale=data["locale"],
        params={"name": data["name"], "change": data["change"]},
    )


def _on_verification(session: Session, event: Event) -> None:
    data = event.data
    try:
        code = unseal(data["code_sealed"], policy().secret, purpose="verification")
    except ValueError as error:
        raise TerminalError(f"code_sealed: {error}") from error
    asked = Verification(
        purpose=data["purpose"],
        channel=Channel(data["channel"]),
        receiver=data["receiver"],
        user_id=UUID(data["user_id"]) if data["user_id"] else None,
        locale=data["locale"],
        code=code,
        expires_at=datetime.fromisoformat(data["expires_at"]),
    )
    customer_news.send_code(session, policy(), asked)


def _news(template: str, params: Callable[[dict[str, Any]], dict[str, str]]) -> Handler:
    """Return a handler that tells the event's customer with a template."""

    def tell(session: Session, event: Event) -> None:
        data = event.data
        called = call_order(session, UUID(data["order_id"]), data.get("number"))
        told = {"order": called, **params(data)}
        customer_news.tell(session, policy(), News(UUID(data["customer_id"]), template, told))

    return tell


def _money(data: dict[str, Any]) -> str:
    return Money(data["amount"], data["currency"]).display()


PUBLISHES: frozenset[str] = frozenset()
CONSUMES: dict[str, Handler] = {
    "user.registered.v1": _on_registered,
    "user.updated.v1": _on_updated,
    "user.deactivated.v1": _on_deactivated,
    "user.security_changed.v1": _on_security_changed,
    "verification.requested.v1": _on_verification,
    "order.paid.v1": _news("order_confirmed", lambda data: {"total": _money(data)}),
    "order.rejected.v1": _news("order_rejected", lambda data: {"reason": data["reason"]}),
    "order.cancelled.v1": _news("order_cancelled", lambda data: {}),
    "order.expired.v1": _news("order_expired", lambda data: {}),
    "order.shipped.v1": _news(
        "order_shipped",
        lambda data: {
            "carrier": data["carrier"] or "",
            "tracking": data["tracking_number"] or "",
        },
    ),
    "payment.refunded.v1": _news("refund_issued", lambda data: {"amount": _money(data)}),
}
UNCONSUMED: frozenset[str] = frozenset()
