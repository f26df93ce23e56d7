"""When the products that `hot_reads.read_shown_product` remembers are no longer true."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy.orm import Session

from chassis import cache

PRODUCT_CACHE = "product"


def forget_products(session: Session, product_ids: Iterable[UUID]) -> None:
    """Have the products read anew once this transaction, which changes them, has committed."""
    cache.named(PRODUCT_CACHE).forget_after_commit(session, map(str, product_ids))
