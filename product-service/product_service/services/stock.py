"""Stock levels and their ledger: locks in product order, changes in one statement."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import Select, func, insert, select, update
from sqlalchemy.orm import Session

from chassis import clock
from chassis.exceptions import NotFound, Unprocessable
from product_service.models import (
    MovementKind,
    Product,
    ProductStatus,
    StockMovement,
    reservation_lines,
    stock_levels,
)
from product_service.models.quotes import Offer
from product_service.models.stock import MOST_UNITS, InsufficientStock
from product_service.services.product_cache import forget_products


class ProductNotFound(NotFound):
    """There is no such product."""

    code = "products.not_found"


def lock_offers(session: Session, product_ids: Iterable[UUID]) -> dict[UUID, Offer]:
    """Lock the stock of some products and return what they are offered for, by product.

    Locks: `stock_levels` ordered by product id, so that crossing orders queue instead of deadlock.
    """
    rows = session.execute(
        select(
            Product.id,
            Product.sku,
            Product.name,
            Product.price_amount,
            Product.currency,
            Product.status,
            (stock_levels.c.on_hand - stock_levels.c.reserved).label("available"),
        )
        .join(stock_levels, stock_levels.c.product_id == Product.id)
        .where(Product.id.in_(list(product_ids)))
        .order_by(stock_levels.c.product_id)
        .with_for_update(of=stock_levels)
    )
    return {
        row.id: Offer(
            product_id=row.id,
            sku=row.sku,
            name=row.name,
            unit_price=row.price_amount,
            currency=row.currency,
            sellable=row.status == ProductStatus.ACTIVE,
            available=row.available,
        )
        for row in rows
    }


def lock_reserved_stock(session: Session, reservation_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Lock the stock behind some reservations; return the available units by product.

    Locks: `stock_levels` ordered by product id.
    """
    products = select(reservation_lines.c.product_id).where(
        reservation_lines.c.reservation_id.in_(reservation_ids)
    )
    rows = session.execute(
        select(stock_levels.c.product_id, stock_levels.c.on_hand - stock_levels.c.reserved)
        .where(stock_levels.c.product_id.in_(products))
        .order_by(stock_levels.c.product_id)
        .with_for_update()
    )
    return dict(rows.tuples().all())


def book_lines(
    session: Session, reservation_ids: Sequence[UUID], *, on_hand: int = 0, reserved: int = 0
) -> None:
    """Add the lines of some reservations to their products' stock, in one statement.

    on_hand, reserved: 1 to add the quantities, -1 to take them away. The rows are locked already.
    """
    lines = (
        select(
            reservation_lines.c.product_id,
            func.sum(reservation_lines.c.quantity).label("quantity"),
        )
        .where(reservation_lines.c.reservation_id.in_(reservation_ids))
        .group_by(reservation_lines.c.product_id)
        .subquery("lines")
    )
    booked = session.scalars(
        update(stock_levels)
        .where(stock_levels.c.product_id == lines.c.product_id)
        .values(
            on_hand=stock_levels.c.on_hand + on_hand * lines.c.quantity,
            reserved=stock_levels.c.reserved + reserved * lines.c.quantity,
            version=stock_levels.c.version + 1,
            updated_at=clock.now(),
        )
        .returning(stock_levels.c.product_id)
    )
    forget_products(session, booked)


def record_order_movements(
    session: Session, kind: MovementKind, order_id: UUID, quantities: Iterable[tuple[UUID, int]]
) -> None:
    """Write what an order took (negative) or gave back to the ledger."""
    rows = [
        {
            "product_id": product_id,
            "quantity": quantity,
            "kind": kind,
            "reason": kind.value,
            "order_id": order_id,
        }
        for product_id, quantity in quantities
    ]
    session.execute(insert(StockMovement), rows)


def open_stock(
    session: Session, quantities: Sequence[tuple[UUID, int]], actor_id: UUID, reason: str
) -> None:
    """Give new products their stock row and, where there are units, the first ledger entry."""
    session.execute(
        insert(stock_levels),
        [{"product_id": product_id, "on_hand": units} for product_id, units in quantities],
    )
    entries = [
        {
            "product_id": product_id,
            "quantity": units,
            "kind": MovementKind.INITIAL,
            "reason": reason,
            "actor_id": actor_id,
        }
        for product_id, units in quantities
        if units
    ]
    if entries:
        session.execute(insert(StockMovement), entries)


def adjust_stock(
    session: Session, product_id: UUID, quantity: int, *, reason: str, actor_id: UUID
) -> StockMovement:
    """Add units that arrived or take away units that are gone; return the ledger entry.

    quantity: units, positive or negative, not zero.
    Raises ProductNotFound; InsufficientStock where reserved units would have to go.
    Locks: the product's row of `stock_levels`.
    """
    if quantity == 0:
        raise Unprocessable(errors=[{"field": "quantity", "message": "Must not be zero."}])
    level = session.execute(
        select(stock_levels).where(stock_levels.c.product_id == product_id).with_for_update()
    ).one_or_none()
    if level is None:
        raise ProductNotFound
    if level.on_hand + quantity < level.reserved:
        raise InsufficientStock
    if level.on_hand + quantity > MOST_UNITS:
        raise Unprocessable(
            errors=[{"field": "quantity", "message": f"More than {MOST_UNITS} units on hand."}]
        )
    session.execute(
        update(stock_levels)
        .where(stock_levels.c.product_id == product_id)
        .values(on_hand=level.on_hand + quantity, version=level.version + 1, updated_at=clock.now())
    )
    forget_products(session, [product_id])
    movement = StockMovement(
        product_id=product_id,
        quantity=quantity,
        kind=MovementKind.ADJUSTMENT,
        reason=reason,
        actor_id=actor_id,
    )
    session.add(movement)
    session.flush()
    return movement


def select_movements(session: Session, product_id: UUID) -> Select[tuple[StockMovement]]:
    """Return the query of a product's ledger; raises ProductNotFound."""
    if session.get(Product, product_id) is None:
        raise ProductNotFound
    return select(StockMovement).where(StockMovement.product_id == product_id)
