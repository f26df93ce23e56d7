from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, selectinload

from chassis import clock
from chassis.app import settings
from chassis.base_model import new_id
from order_service.models import Cart


def find_cart(session: Session, customer_id: UUID) -> Cart:
    """Return the customer's cart; an empty one that is not stored where there is none yet."""
    statement = select(Cart).where(Cart.customer_id == customer_id)
    cart = session.scalar(statement.options(selectinload(Cart.items)))
    return cart or Cart(customer_id=customer_id, items=[], updated_at=clock.now())


def lock_cart(session: Session, customer_id: UUID) -> Cart:
    """Return the customer's cart for a change, made if need be.

    Locks: the cart's row, so that two requests cannot add the same product twice, or order the
    same cart twice.
    """
    row = {"id": new_id(), "customer_id": customer_id}
    session.execute(insert(Cart).values(row).on_conflict_do_nothing(index_elements=["customer_id"]))
    statement = select(Cart).where(Cart.customer_id == customer_id).with_for_update()
    cart = session.scalar(statement.execution_options(populate_existing=True))
    assert cart is not None
    return cart


def add_to_cart(session: Session, customer_id: UUID, product_id: UUID, quantity: int) -> Cart:
    """Add units of a product to the cart.

    Raises CartFull, QuantityTooLarge. Locks: the cart's row.
    """
    cart = lock_cart(session, customer_id)
    cart.add(product_id, quantity, max_lines=settings().cart_max_lines)
    cart.updated_at = clock.now()
    return cart


def change_cart_item(session: Session, customer_id: UUID, product_id: UUID, quantity: int) -> Cart:
    """Set the quantity of a product in the cart.

    Raises NotInCart. Locks: the cart's row.
    """
    cart = lock_cart(session, customer_id)
    cart.change(product_id, quantity)
    cart.updated_at = clock.now()
    return cart


def remove_from_cart(session: Session, customer_id: UUID, product_id: UUID) -> Cart:
    """Remove a product from the cart.

    Raises NotInCart. Locks: the cart's row.
    """
    cart = lock_cart(session, customer_id)
    cart.remove(product_id)
    cart.updated_at = clock.now()
    return cart


def clear_cart(session: Session, customer_id: UUID) -> Cart:
    """Remove everything from the cart. Locks: the cart's row."""
    cart = lock_cart(session, customer_id)
    cart.clear()
    cart.updated_at = clock.now()
    return cart
