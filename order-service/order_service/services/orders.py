from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from chassis import clock
from chassis.app import settings
from chassis.messaging.outbox import record
from chassis.money import Money
from chassis.pagination import Page, paginate, parse_sort
from order_service.models import Order
from order_service.models.carts import MAX_QUANTITY
from order_service.models.errors import (
    CartEmpty,
    ForeignFilter,
    OrderNotFound,
    QuantityTooLarge,
    TooManyLines,
)
from order_service.models.lifecycle import OrderEvent, OrderStatus
from order_service.models.orders import MAX_LINES, Placement
from order_service.services.announcements import ORDER_EVENTS
from order_service.services.carts import lock_cart
from order_service.services.transitions import advance_order

EXPIRY_BATCH = 50

_SORTABLE = {"created_at": Order.created_at}

_WHOLE = (
    selectinload(Order.lines),
    selectinload(Order.timeline),
    selectinload(Order.refunds),
)


@dataclass(frozen=True, kw_only=True)
class OrderRequest:
    """What a customer asks for. items: product and quantity, None to take the cart's."""

    customer_id: UUID
    items: Sequence[tuple[UUID, int]] | None
    expected_total: Money | None = None
    shipping_address: dict[str, Any] | None = None
    note: str | None = None


def place_order(session: Session, request: OrderRequest) -> Order:
    """Accept an order with nothing but this service's database; the saga does the rest.

    Several lines of one product become one. The cart is emptied with it.
    Raises CartEmpty, TooManyLines, QuantityTooLarge.
    Publishes: order.placed.v1. Locks: the customer's cart, if the order comes from it.
    """
    items = request.items if request.items is not None else _take_cart(session, request.customer_id)
    placement = Placement(
        customer_id=request.customer_id,
        lines=_merge(items),
        expected_total=request.expected_total,
        shipping_address=request.shipping_address,
        note=request.note,
    )
    order = Order.place(placement, ttl=settings().order_pending_ttl)
    session.add(order)
    record(session, "order.placed.v1", order.id, ORDER_EVENTS["order.placed.v1"](order, {}))
    return order


def _take_cart(session: Session, customer_id: UUID) -> list[tuple[UUID, int]]:
    cart = lock_cart(session, customer_id)
    items = [(item.product_id, item.quantity) for item in cart.items]
    if not items:
        raise CartEmpty
    cart.clear()
    return items


def _merge(items: Sequence[tuple[UUID, int]]) -> dict[UUID, int]:
    merged: dict[UUID, int] = {}
    for product_id, quantity in items:
        merged[product_id] = merged.get(product_id, 0) + quantity
    if len(merged) > MAX_LINES:
        raise TooManyLines(f"An order has at most {MAX_LINES} different products")
    if max(merged.values()) > MAX_QUANTITY:
        raise QuantityTooLarge(f"At most {MAX_QUANTITY} units of a product can be ordered")
    return merged


def find_order(session: Session, order_id: UUID, *, visible_to: UUID | None) -> Order:
    """Return an order with lines, timeline and refunds.

    visible_to: the customer who may see it, None for all. Raises OrderNotFound.
    """
    order = session.scalar(select(Order).where(Order.id == order_id).options(*_WHOLE))
    if order is None or visible_to not in (None, order.customer_id):
        raise OrderNotFound
    return order


def find_settled_order(session: Session, order_id: UUID) -> Order | None:
    """Return an order once product-service has answered for it, None while it is pending."""
    settled = Order.status != OrderStatus.PENDING
    return session.scalar(select(Order).where(Order.id == order_id, settled).options(*_WHOLE))


@dataclass(frozen=True, kw_only=True)
class OrderFilter:
    """Which orders to list; None and empty mean all."""

    status: Sequence[str] = ()
    created_from: datetime | None = None
    created_to: datetime | None = None
    customer_id: UUID | None = None
    number: str | None = None


def list_orders(
    session: Session, wanted: OrderFilter, query: dict[str, Any], *, visible_to: UUID | None
) -> Page[Order]:
    """Return one page of orders, newest first.

    query: of ListQuery. visible_to: the customer whose orders these are, None for everybody's.
    Raises ForeignFilter where a customer asks for somebody else's.
    """
    if visible_to is not None and wanted.customer_id not in (None, visible_to):
        raise ForeignFilter
    statement = select(Order).options(selectinload(Order.lines))
    customer_id = visible_to or wanted.customer_id
    if customer_id is not None:
        statement = statement.where(Order.customer_id == customer_id)
    if wanted.status:
        statement = statement.where(Order.status.in_(wanted.status))
    if wanted.created_from is not None:
        statement = statement.where(Order.created_at >= wanted.created_from)
    if wanted.created_to is not None:
        statement = statement.where(Order.created_at < wanted.created_to)
    if wanted.number is not None:
        statement = statement.where(Order.number == wanted.number.upper())
    sort = parse_sort(query.get("sort"), allowed=_SORTABLE, default="-created_at")
    return paginate(session, statement, query, sort=sort)


def expire_due_orders(session: Session, limit: int = EXPIRY_BATCH) -> int:
    """End orders whose deadline has passed; return how many.

    Publishes: order.expired.v1 for each. Locks: their rows, skipping those that somebody else is
    moving right now: what they become is found out by the next sweep.
    """
    due = (
        select(Order)
        .where(Order.expires_at <= clock.now())
        .order_by(Order.expires_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    orders = session.scalars(due.execution_options(populate_existing=True)).all()
    for order in orders:
        pending = order.status == OrderStatus.PENDING
        order.reason = "stock_not_answered" if pending else "not_paid_in_time"
        advance_order(session, order, OrderEvent.EXPIRE, detail={"reason": order.reason})
    return len(orders)
