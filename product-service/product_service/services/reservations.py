"""The stock side of the order saga: reserve, commit, release, expire.

The reservation's row is locked before any stock row, and stock rows in product order, by every use
case here; whoever holds one waits only for what comes later in that order. All moves of the state
machine stand in this one file, so that they can be compared with its table.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from chassis import clock
from chassis.base_model import new_id
from chassis.exceptions import NotFound
from chassis.messaging import outbox
from product_service.models import (
    MovementKind,
    Reservation,
    ReservationStatus,
    reservation_lines,
)
from product_service.models.quotes import AgreedTotal, Quote, Refusal, Shortage, quote
from product_service.models.reservations import RejectionReason
from product_service.services import stock

STOCK_RESERVED = "stock.reserved.v1"
STOCK_REJECTED = "stock.rejected.v1"
STOCK_RELEASED = "stock.released.v1"


class ReservationNotFound(NotFound):
    """There is no reservation for this order."""

    code = "products.reservation_not_found"


def reserve_stock(
    session: Session,
    order_id: UUID,
    wanted: dict[UUID, int],
    *,
    expected: AgreedTotal | None = None,
    ttl: int,
) -> None:
    """Hold everything that an order wants, or nothing.

    wanted: units by product. expected: the total that the customer agreed to. ttl: seconds.
    Publishes stock.reserved.v1 or stock.rejected.v1, once for each order.
    Locks: the reservation, then its stock rows by product id.
    """
    reservation, is_new = _lock(session, order_id, ReservationStatus.HELD)
    if reservation.is_tombstone:
        _reject(session, reservation, Refusal(RejectionReason.CANCELLED))
    if not is_new:
        return
    answer = quote(wanted, stock.lock_offers(session, wanted), expected)
    if isinstance(answer, Refusal):
        _reject(session, reservation, answer)
    else:
        _hold(session, reservation, answer, ttl)


def commit_reservation(session: Session, order_id: UUID) -> None:
    """Turn the held stock of a paid order into a sale.

    A reservation that expired is taken again if the stock is still there. Publishes
    stock.rejected.v1 (reservation_lost) where it is not, or where nothing was ever reserved.
    Locks: the reservation, then its stock rows by product id.
    """
    lost = RejectionReason.RESERVATION_LOST
    reservation, is_new = _lock(session, order_id, ReservationStatus.REJECTED)
    if is_new:
        _reject(session, reservation, Refusal(lost))
    elif reservation.status == ReservationStatus.HELD:
        _sell(session, reservation, reserved=-1)
    elif reservation.status == ReservationStatus.EXPIRED:
        shortages = _shortages(session, reservation)
        if shortages:
            _reject(session, reservation, Refusal(lost, shortages))
        else:
            _sell(session, reservation, reserved=0)


def release_reservation(session: Session, order_id: UUID, reason: str) -> None:
    """Give back the stock of an order that was cancelled or has expired.

    An order not heard of yet leaves a tombstone, which refuses its late placement.
    reason: `cancelled` or `expired`. Publishes stock.released.v1 where stock was returned.
    Locks: the reservation, then its stock rows by product id.
    """
    reservation, is_new = _lock(session, order_id, ReservationStatus.RELEASED)
    before = reservation.status
    if is_new or before in (ReservationStatus.RELEASED, ReservationStatus.REJECTED):
        return
    reservation.settle(ReservationStatus.RELEASED, reason)
    if before == ReservationStatus.EXPIRED:
        return
    stock.lock_reserved_stock(session, [reservation.id])
    if before == ReservationStatus.HELD:
        stock.book_lines(session, [reservation.id], reserved=-1)
    else:
        stock.book_lines(session, [reservation.id], on_hand=1)
        lines = _lines(session, reservation)
        stock.record_order_movements(session, MovementKind.CANCELLATION, order_id, lines)
    _publish_release(session, order_id, reason)


def expire_reservations(session: Session, *, batch: int = 100) -> int:
    """Return the stock of up to `batch` reservations whose time is over; return how many.

    Publishes stock.released.v1 (expired) for each. Locks: the reservations that nobody else is
    working on (SKIP LOCKED), then all their stock rows by product id.
    """
    due = session.scalars(
        select(Reservation)
        .where(Reservation.status == ReservationStatus.HELD, Reservation.expires_at < clock.now())
        .order_by(Reservation.expires_at)
        .limit(batch)
        .with_for_update(skip_locked=True)
    ).all()
    if not due:
        return 0
    reservation_ids = [reservation.id for reservation in due]
    stock.lock_reserved_stock(session, reservation_ids)
    stock.book_lines(session, reservation_ids, reserved=-1)
    for reservation in due:
        reservation.settle(ReservationStatus.EXPIRED, "expired")
        _publish_release(session, reservation.order_id, "expired")
    return len(due)


def read_reservation(session: Session, order_id: UUID) -> dict[str, Any]:
    """Return an order's reservation with its lines; raises ReservationNotFound."""
    reservation = session.scalar(select(Reservation).where(Reservation.order_id == order_id))
    if reservation is None:
        raise ReservationNotFound
    lines = session.execute(
        select(reservation_lines).where(reservation_lines.c.reservation_id == reservation.id)
    )
    return {
        "id": reservation.id,
        "order_id": reservation.order_id,
        "status": reservation.status,
        "reason": reservation.reason,
        "currency": reservation.currency,
        "expires_at": reservation.expires_at,
        "items": [row._asdict() for row in lines],
        "created_at": reservation.created_at,
        "updated_at": reservation.updated_at,
    }


def _lock(session: Session, order_id: UUID, absent: ReservationStatus) -> tuple[Reservation, bool]:
    """Return the order's locked reservation, made as `absent` if there is none, and whether it was.

    The unique order id decides who makes it: the loser waits here for the winner's commit.
    """
    made = session.scalar(
        upsert(Reservation)
        .values(id=new_id(), order_id=order_id, status=absent)
        .on_conflict_do_nothing(index_elements=["order_id"])
        .returning(Reservation)
    )
    if made is not None:
        return made, True
    found = session.scalars(
        select(Reservation)
        .where(Reservation.order_id == order_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    return found, False


def _hold(session: Session, reservation: Reservation, answer: Quote, ttl: int) -> None:
    reservation.currency = answer.currency
    reservation.expires_at = clock.now() + timedelta(seconds=ttl)
    session.execute(
        insert(reservation_lines),
        [
            {
                "reservation_id": reservation.id,
                "product_id": line.offer.product_id,
                "quantity": line.quantity,
                "unit_price": line.offer.unit_price,
            }
            for line in answer.lines
        ],
    )
    stock.book_lines(session, [reservation.id], reserved=1)
    items = [
        {
            "product_id": str(line.offer.product_id),
            "sku": line.offer.sku,
            "name": line.offer.name,
            "quantity": line.quantity,
            "unit_price": line.offer.unit_price,
            "line_total": line.line_total,
        }
        for line in answer.lines
    ]
    data = {
        "order_id": str(reservation.order_id),
        "reservation_id": str(reservation.id),
        "expires_at": reservation.expires_at.isoformat(),
        "currency": answer.currency,
        "total": answer.total.amount,
        "items": items,
    }
    outbox.record(session, STOCK_RESERVED, reservation.order_id, data)


def _reject(session: Session, reservation: Reservation, refusal: Refusal) -> None:
    reservation.settle(ReservationStatus.REJECTED, refusal.reason)
    items = [
        {
            "product_id": str(item.product_id),
            "requested": item.requested,
            "available": item.available,
        }
        for item in refusal.items
    ]
    data = {"order_id": str(reservation.order_id), "reason": refusal.reason, "items": items}
    outbox.record(session, STOCK_REJECTED, reservation.order_id, data)


def _sell(session: Session, reservation: Reservation, *, reserved: int) -> None:
    stock.lock_reserved_stock(session, [reservation.id])
    stock.book_lines(session, [reservation.id], on_hand=-1, reserved=reserved)
    sold = [(product_id, -quantity) for product_id, quantity in _lines(session, reservation)]
    stock.record_order_movements(session, MovementKind.SALE, reservation.order_id, sold)
    reservation.settle(ReservationStatus.COMMITTED)


def _shortages(session: Session, reservation: Reservation) -> tuple[Shortage, ...]:
    available = stock.lock_reserved_stock(session, [reservation.id])
    return tuple(
        Shortage(product_id, quantity, available[product_id])
        for product_id, quantity in _lines(session, reservation)
        if quantity > available[product_id]
    )


def _lines(session: Session, reservation: Reservation) -> list[tuple[UUID, int]]:
    rows = session.execute(
        select(reservation_lines.c.product_id, reservation_lines.c.quantity)
        .where(reservation_lines.c.reservation_id == reservation.id)
        .order_by(reservation_lines.c.product_id)
    )
    return [(product_id, quantity) for product_id, quantity in rows]


def _publish_release(session: Session, order_id: UUID, reason: str) -> None:
    outbox.record(session, STOCK_RELEASED, order_id, {"order_id": str(order_id), "reason": reason})
