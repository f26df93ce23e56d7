"""The reads that most requests are: a page of the catalogue, and one product.

Neither the ORM nor marshmallow takes part: Core statements compiled once, an autocommit connection
without BEGIN, ROLLBACK or ping, tuples from the driver straight into JSON. What each step saves is
measured in `benchmarks/products`.
"""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any
from uuid import UUID

import orjson
import psycopg2
from sqlalchemy import Select, Text, Uuid, bindparam, cast, select
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
from sqlalchemy.orm import Session

from chassis import cache
from chassis.database import fetch_all, reading
from chassis.response import json_bytes
from product_service.models import Product, stock_levels
from product_service.services.product_cache import PRODUCT_CACHE
from product_service.services.stock import ProductNotFound

logger = logging.getLogger(__name__)

_DIALECT = PGDialect_psycopg2()

# Ids and JSON come as text: making UUID objects and dicts only to write them out again costs more
# than the query.
_COLUMNS: tuple[Any, ...] = (
    cast(Product.id, Text).label("id"),
    Product.sku,
    Product.name,
    Product.description,
    Product.price_amount,
    Product.currency,
    cast(Product.category_id, Text).label("category_id"),
    cast(Product.attributes, Text).label("attributes"),
    cast(Product.images, Text).label("images"),
    Product.status,
    (stock_levels.c.on_hand - stock_levels.c.reserved).label("available"),
    Product.version,
    Product.created_at,
    Product.updated_at,
    stock_levels.c.on_hand.label("on_hand"),
    stock_levels.c.reserved.label("reserved"),
    stock_levels.c.version.label("stock_version"),
)
WIDTH = len(_COLUMNS)
_VERSION, _STOCK_VERSION = (
    [column.key for column in _COLUMNS].index(name) for name in ("version", "stock_version")
)

SELECT_PRODUCTS: Select[Any] = select(*_COLUMNS).join_from(
    Product, stock_levels, stock_levels.c.product_id == Product.id
)


@dataclass(frozen=True, eq=False)
class HotRead:
    """A statement on `SELECT_PRODUCTS` that is compiled once and run many times."""

    statement: Select[Any]

    @cached_property
    def _compiled(self) -> tuple[str, Mapping[str, Any]] | None:
        compiled = self.statement.compile(
            dialect=_DIALECT, compile_kwargs={"render_postcompile": True}
        )
        values = compiled.params
        # The driver knows how to write these; others need the conversion of their column's type.
        plain = all(value is None or type(value) in (str, int, bool) for value in values.values())
        return (compiled.string, values) if plain else None

    @property
    def direct(self) -> bool:
        """Tell whether the driver can run it without SQLAlchemy."""
        return self._compiled is not None

    def fetch(self, **parameters: Any) -> Sequence[Sequence[Any]]:
        """Run it and return its rows.

        The driver's cursor is asked directly: SQLAlchemy would spend another 85 µs on 20 rows.
        Whatever goes wrong is left to the ordinary road, which replaces a dead connection, tries
        once more and raises what the error table knows.
        """
        if self._compiled is not None:
            sql, values = self._compiled
            try:
                with reading() as connection, closing(connection.connection.cursor()) as cursor:
                    cursor.execute(sql, {**values, **parameters})
                    return cursor.fetchall()
            except psycopg2.Error:
                logger.info("hot read is tried again")
        return [tuple(row.values()) for row in fetch_all(self.statement, parameters)]


_PRODUCT = HotRead(
    SELECT_PRODUCTS.where(Product.id == cast(bindparam("product_id", type_=Text), Uuid))
)


def present(row: Sequence[Any], *, staff: bool) -> dict[str, Any]:
    """Return a row of `SELECT_PRODUCTS` as the API shows it, ready for orjson.

    One literal from an unpacked tuple takes a third of `dict(zip(names, row))` and its corrections.
    """
    (
        product_id, sku, name, description, amount, currency, category_id, attributes, images,
        status, available, version, created_at, updated_at, on_hand, reserved, _stock_version,
    ) = row  # fmt: skip
    item = {
        "id": product_id,
        "sku": sku,
        "name": name,
        "description": description,
        "price": {"amount": amount, "currency": currency},
        "category_id": category_id,
        "attributes": orjson.Fragment(attributes),
        "images": orjson.Fragment(images),
        "status": status,
        "available": available,
        "version": version,
        "created_at": created_at,
        "updated_at": updated_at,
    }
    if staff:
        item["on_hand"], item["reserved"] = on_hand, reserved
    return item


# Derived, so that nobody has to remember it: other members of the answer are another version.
SHAPE = hashlib.blake2b(
    orjson.dumps(present(["{}"] * WIDTH, staff=False)), digest_size=6
).hexdigest()


def read_product(product_id: UUID, *, staff: bool) -> tuple[dict[str, Any], str]:
    """Return a product as the API shows it, and its ETag; raises ProductNotFound."""
    return _only(_PRODUCT.fetch(product_id=str(product_id)), staff)


def read_shown_product(product_id: UUID) -> tuple[orjson.Fragment, str]:
    """Return a product as customers see it, and its ETag; raises ProductNotFound.

    It is remembered in Redis until something changes it (`product_cache`). Staff reads the
    database: what they edit and count must not be a moment old.
    """
    kept = cache.named(PRODUCT_CACHE).read(str(product_id), partial(_load_shown, product_id))
    tag, _, item = kept.partition(b"\n")
    return orjson.Fragment(item), tag.decode()


def _load_shown(product_id: UUID) -> bytes:
    item, tag = read_product(product_id, staff=False)
    return tag.encode() + b"\n" + json_bytes(item)


def read_back(session: Session, product_id: UUID) -> tuple[dict[str, Any], str]:
    """Return what `session` has just made of a product, as staff sees it, and its ETag."""
    rows = session.execute(_PRODUCT.statement, {"product_id": str(product_id)})
    return _only(rows.all(), staff=True)


def _only(rows: Sequence[Sequence[Any]], staff: bool) -> tuple[dict[str, Any], str]:
    if not rows:
        raise ProductNotFound
    # An edit changes the first part, a movement or reservation of stock the second.
    tag = f"{rows[0][_VERSION]}.{rows[0][_STOCK_VERSION]}"
    return present(rows[0], staff=staff), tag
