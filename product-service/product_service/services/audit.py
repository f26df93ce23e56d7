"""Whether the stock adds up: the invariants that hold after any crash, asked of the tables."""

from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from chassis.messaging import outbox
from product_service.models import (
    MovementKind,
    Product,
    Reservation,
    ReservationStatus,
    StockMovement,
    reservation_lines,
    stock_levels,
)

MOST_EXAMPLES = 10


def audit_stock(session: Session) -> dict[str, Any]:
    """Return every check with its verdict, and the totals to hold other services against."""
    return {
        "checks": [_check(name, session.scalars(query).all()) for name, query in _BROKEN.items()],
        "counts": {**_units(session), **_rows(session)},
        "outbox_pending": outbox.count_pending(session),
    }


def _check(name: str, broken: Any) -> dict[str, Any]:
    examples = [str(product_id) for product_id in broken[:MOST_EXAMPLES]]
    return {"name": name, "ok": not broken, "detail": {"broken": len(broken), "examples": examples}}


_level = stock_levels.c
_lines = reservation_lines.c


def _moved(*kinds: MovementKind) -> ColumnElement[Any]:
    moved = select(func.coalesce(func.sum(StockMovement.quantity), 0)).where(
        StockMovement.product_id == _level.product_id
    )
    return (moved.where(StockMovement.kind.in_(kinds)) if kinds else moved).scalar_subquery()


def _in_reservations(status: ReservationStatus) -> ColumnElement[Any]:
    return (
        select(func.coalesce(func.sum(_lines.quantity), 0))
        .join(Reservation, Reservation.id == _lines.reservation_id)
        .where(Reservation.status == status, _lines.product_id == _level.product_id)
        .scalar_subquery()
    )


# Each query returns the products that break the rule.
_BROKEN = {
    "every_product_has_stock": select(Product.id)
    .outerjoin(stock_levels, _level.product_id == Product.id)
    .where(_level.product_id.is_(None)),
    "on_hand_is_sum_of_movements": select(_level.product_id).where(_level.on_hand != _moved()),
    "reserved_is_sum_of_held_lines": select(_level.product_id).where(
        _level.reserved != _in_reservations(ReservationStatus.HELD)
    ),
    "sold_is_sum_of_committed_lines": select(_level.product_id).where(
        -_moved(MovementKind.SALE, MovementKind.CANCELLATION)
        != _in_reservations(ReservationStatus.COMMITTED)
    ),
    "stock_is_not_negative": select(_level.product_id).where(
        (_level.reserved < 0) | (_level.on_hand < _level.reserved)
    ),
}


def _units(session: Session) -> dict[str, int]:
    levels = session.execute(
        select(
            func.coalesce(func.sum(_level.on_hand), 0), func.coalesce(func.sum(_level.reserved), 0)
        )
    ).one()
    moved = {
        kind: int(units)
        for kind, units in session.execute(
            select(StockMovement.kind, func.sum(StockMovement.quantity)).group_by(
                StockMovement.kind
            )
        )
    }
    sold = moved.get(MovementKind.SALE, 0) + moved.get(MovementKind.CANCELLATION, 0)
    return {
        "on_hand_units": int(levels[0]),
        "reserved_units": int(levels[1]),
        "sold_units": -sold,
        "initial_units": moved.get(MovementKind.INITIAL, 0),
        "adjusted_units": moved.get(MovementKind.ADJUSTMENT, 0),
    }


def _rows(session: Session) -> dict[str, int]:
    by_status = session.execute(
        select(Reservation.status, func.count()).group_by(Reservation.status)
    )
    found = dict(by_status.tuples().all())
    products = session.scalar(select(func.count()).select_from(Product)) or 0
    reservations = {
        f"reservations_{status.value}": found.get(status.value, 0) for status in ReservationStatus
    }
    return {"products": products, **reservations}
