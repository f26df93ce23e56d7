"""Create, change and archive products; every change is told to others."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from chassis.base_model import new_id
from chassis.exceptions import Conflict, Unprocessable
from chassis.messaging import outbox
from product_service.models import Category, Product, ProductStatus
from product_service.models.search_text import search_vector
from product_service.services.product_cache import forget_products
from product_service.services.stock import ProductNotFound, open_stock

PRODUCT_UPDATED = "product.updated.v1"


class SkuTaken(Conflict):
    """Another product has this SKU."""

    code = "products.sku_taken"


def create_product(
    session: Session, draft: dict[str, Any], *, initial_stock: int, actor_id: UUID
) -> Product:
    """Put a product into the catalogue with its opening stock.

    draft: columns of Product. Raises SkuTaken, Unprocessable for an unknown category.
    Publishes product.updated.v1.
    """
    require_category(session, draft.get("category_id"))
    search = search_vector(draft["sku"], draft["name"], draft["description"], draft["attributes"])
    # The unique index decides between two who choose one SKU, without a failed transaction.
    product = session.scalar(
        insert(Product)
        .values(id=new_id(), search=search, **draft)
        .on_conflict_do_nothing(index_elements=["sku"])
        .returning(Product)
    )
    if product is None:
        raise SkuTaken(errors=[{"field": "sku", "message": "Is in use."}])
    open_stock(session, [(product.id, initial_stock)], actor_id, "opening stock")
    publish_updates(session, [product])
    return product


def update_product(
    session: Session, product_id: UUID, changes: dict[str, Any], *, expected_version: int
) -> Product:
    """Change columns of a product; nothing happens where nothing differs.

    Raises ProductNotFound, PreconditionFailed, Unprocessable for an unknown category.
    Publishes product.updated.v1. Locks: the product.
    """
    product = _lock(session, product_id)
    product.require_version(expected_version)
    require_category(session, changes.get("category_id"))
    if product.change(changes):
        session.flush()
        publish_updates(session, [product])
        forget_products(session, [product_id])
    return product


def archive_product(session: Session, product_id: UUID, *, expected_version: int) -> Product:
    """Take a product off sale; it stays for the orders that name it.

    Raises ProductNotFound, PreconditionFailed. Publishes product.updated.v1. Locks: the product.
    """
    archived = {"status": ProductStatus.ARCHIVED}
    return update_product(session, product_id, archived, expected_version=expected_version)


def publish_updates(session: Session, products: Iterable[Product]) -> None:
    """Tell others what these products are now called and cost."""
    for product in products:
        data = {
            "product_id": str(product.id),
            "sku": product.sku,
            "name": product.name,
            "price": product.price_amount,
            "currency": product.currency,
            "status": product.status,
        }
        outbox.record(session, PRODUCT_UPDATED, product.id, data)


def require_category(session: Session, category_id: UUID | None) -> None:
    """Raise Unprocessable unless the category is there; it then stays until the commit.

    Locks: the category, against deletion.
    """
    if category_id is None:
        return
    known = (
        select(Category.id)
        .where(Category.id == category_id)
        .with_for_update(read=True, key_share=True)
    )
    if session.scalar(known) is None:
        raise Unprocessable(errors=[{"field": "category_id", "message": "No such category."}])


def _lock(session: Session, product_id: UUID) -> Product:
    product = session.scalar(
        select(Product)
        .where(Product.id == product_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if product is None:
        raise ProductNotFound
    return product
