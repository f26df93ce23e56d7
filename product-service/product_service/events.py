"""What this service tells others, and what it does when others tell it something."""

from collections.abc import Callable
from uuid import UUID

from sqlalchemy.orm import Session

from chassis.app import settings
from chassis.messaging.event import Event
from product_service.models.quotes import AgreedTotal, merge_quantities
from product_service.services.products import PRODUCT_UPDATED
from product_service.services.reservations import (
    STOCK_REJECTED,
    STOCK_RELEASED,
    STOCK_RESERVED,
    commit_reservation,
    release_reservation,
    reserve_stock,
)


def on_order_placed(session: Session, event: Event) -> None:
    """Hold the stock of a new order."""
    data = event.data
    agreed = data.get("expected_total")
    items = [(UUID(item["product_id"]), item["quantity"]) for item in data["items"]]
    reserve_stock(
        session,
        UUID(data["order_id"]),
        merge_quantities(items),
        expected=AgreedTotal(agreed["amount"], agreed["currency"]) if agreed else None,
        ttl=settings().reservation_ttl,
    )


def on_order_paid(session: Session, event: Event) -> None:
    """Turn held stock into a sale."""
    commit_reservation(session, UUID(event.data["order_id"]))


def on_order_cancelled(session: Session, event: Event) -> None:
    """Give back what a cancelled order holds or has bought."""
    release_reservation(session, UUID(event.data["order_id"]), "cancelled")


def on_order_expired(session: Session, event: Event) -> None:
    """Give back what an unpaid order holds."""
    release_reservation(session, UUID(event.data["order_id"]), "expired")


PUBLISHES = frozenset({STOCK_RESERVED, STOCK_REJECTED, STOCK_RELEASED, PRODUCT_UPDATED})
CONSUMES: dict[str, Callable[[Session, Event], None]] = {
    "order.placed.v1": on_order_placed,
    "order.paid.v1": on_order_paid,
    "order.cancelled.v1": on_order_cancelled,
    "order.expired.v1": on_order_expired,
}
# Published for whoever keeps a copy of the catalogue; no service does yet.
UNCONSUMED = frozenset({PRODUCT_UPDATED})
