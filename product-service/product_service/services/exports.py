"""The catalogue as CSV, in the columns that an import takes."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy import Connection, bindparam, select

from product_service.models import Category, Product, stock_levels

COLUMNS = (
    "sku", "name", "description", "price_amount", "currency", "category", "status",
    "attributes", "images", "stock",
)  # fmt: skip
BATCH = 500

_SELECT_BATCH = (
    select(
        Product.sku,
        Product.name,
        Product.description,
        Product.price_amount,
        Product.currency,
        Category.slug,
        Product.status,
        Product.attributes,
        Product.images,
        stock_levels.c.on_hand,
    )
    .join(stock_levels, stock_levels.c.product_id == Product.id)
    .outerjoin(Category, Category.id == Product.category_id)
    .where(Product.sku > bindparam("after"))
    .order_by(Product.sku)
    .limit(BATCH)
)


def export_products(reading: Callable[[], AbstractContextManager[Connection]]) -> Iterator[str]:
    """Yield the catalogue as CSV text, a batch at a time, in the order of the SKU.

    reading: opens a connection; taken anew for each batch, so that a slow client holds none.
    """
    yield _to_csv([COLUMNS])
    after = ""
    while True:
        with reading() as connection:
            rows = connection.execute(_SELECT_BATCH, {"after": after}).all()
        if not rows:
            return
        yield _to_csv([_cells(row) for row in rows])
        after = rows[-1].sku


def _cells(row: Any) -> list[Any]:
    cells = list(row)
    cells[5] = cells[5] or ""
    cells[7] = json.dumps(cells[7], ensure_ascii=False, sort_keys=True)
    # A URL has no blanks, so that a blank can separate two.
    cells[8] = " ".join(cells[8])
    return cells


def _to_csv(rows: Sequence[Sequence[Any]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue()
