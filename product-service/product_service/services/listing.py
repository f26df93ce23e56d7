"""Hot reads of the catalogue: Core, prepared statements, rows straight into JSON.

Nothing here touches the ORM or marshmallow: of 850 µs that a page of 20 takes with them, 200 are
left (measured; `benchmarks/products`). What a query string means is worked out once and remembered
by the route.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    bindparam,
    cast,
    false,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.orm import Session

from chassis.database import fetch_all, reading
from chassis.pagination import Page, SortKey, paginate
from product_service.models import Category, Product, ProductStatus, stock_levels
from product_service.models.products import RELEVANCE, SORT_COLUMNS
from product_service.models.search_text import search_query
from product_service.services.stock import ProductNotFound

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
# A table column is named by a subclass of str that orjson takes for no key; hence the labels above.
_NAMES: tuple[str, ...] = tuple(column.key for column in _COLUMNS)

SELECT_PRODUCTS: Select[Any] = select(*_COLUMNS).join_from(
    Product, stock_levels, stock_levels.c.product_id == Product.id
)
SELECT_PRODUCT = SELECT_PRODUCTS.where(Product.id == bindparam("product_id"))


def present(item: dict[str, Any], *, staff: bool) -> dict[str, Any]:
    """Turn a row of `SELECT_PRODUCTS` into what the API shows, ready for orjson, and return it."""
    item["price"] = {"amount": item.pop("price_amount"), "currency": item.pop("currency")}
    item["attributes"] = orjson.Fragment(item["attributes"])
    item["images"] = orjson.Fragment(item["images"])
    del item["stock_version"]
    if not staff:
        del item["on_hand"], item["reserved"]
    return item


def read_product(product_id: UUID, *, staff: bool) -> tuple[dict[str, Any], str]:
    """Return a product as the API shows it, and its ETag; raises ProductNotFound."""
    return _only(fetch_all(SELECT_PRODUCT, {"product_id": product_id}), staff)


def read_back(session: Session, product_id: UUID) -> tuple[dict[str, Any], str]:
    """Return what `session` has just made of a product, as staff sees it, and its ETag."""
    rows = session.execute(SELECT_PRODUCT, {"product_id": product_id})
    return _only([dict(zip(_NAMES, row, strict=True)) for row in rows], staff=True)


def _only(rows: list[dict[str, Any]], staff: bool) -> tuple[dict[str, Any], str]:
    if not rows:
        raise ProductNotFound
    # An edit changes the first part, a movement or reservation of stock the second.
    tag = f"{rows[0]['version']}.{rows[0]['stock_version']}"
    return present(rows[0], staff=staff), tag


@dataclass(frozen=True, eq=False)
class Listing:
    """A list request, worked out: its statements and where in them the page lies."""

    rows: Select[Any]
    count: Select[Any]
    order: tuple[SortKey, ...]
    page: int
    per_page: int
    cursor: str | None


def plan_listing(query: Mapping[str, Any]) -> Listing:
    """Turn loaded query parameters into statements; touches no database."""
    conditions = _conditions(query)
    order = _order(query)
    page, per_page = query["page"], query["per_page"]
    rows = SELECT_PRODUCTS.where(*conditions)
    if query.get("cursor") is None:
        ordering = [column.desc() if way == "desc" else column.asc() for column, way in order]
        # The same direction as the sort, so that one index serves both.
        tie = Product.id.desc() if order[-1][1] == "desc" else Product.id.asc()
        rows = rows.order_by(*ordering, tie).limit(per_page).offset((page - 1) * per_page)
    counted = select(func.count().label("total")).select_from(Product).where(*conditions)
    if "in_stock" in query:
        counted = counted.join(stock_levels, stock_levels.c.product_id == Product.id)
    return Listing(rows, counted, tuple(order), page, per_page, query.get("cursor"))


def _conditions(query: Mapping[str, Any]) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if "ids" in query:
        found.append(Product.id.in_(query["ids"]))
    # Asked for by id, an archived product is shown: old orders name it.
    status = query.get("status", "any" if "ids" in query else ProductStatus.ACTIVE)
    if status != "any":
        found.append(Product.status == status)
    if "q" in query:
        found.append(_matches(query["q"]))
    if "category" in query:
        found.append(Product.category_id.in_(_descendants(query["category"])))
    if "min_price" in query:
        found.append(Product.price_amount >= query["min_price"])
    if "max_price" in query:
        found.append(Product.price_amount <= query["max_price"])
    if "sku" in query:
        found.append(Product.sku == query["sku"])
    for name, readings in query.get("attributes", {}).items():
        found.append(or_(*(Product.attributes.contains({name: value}) for value in readings)))
    if "in_stock" in query:
        in_stock = stock_levels.c.on_hand > stock_levels.c.reserved
        found.append(in_stock if query["in_stock"] else ~in_stock)
    return found


def _matches(words: str) -> ColumnElement[bool]:
    terms = search_query(words)
    return false() if terms is None else Product.search.op("@@")(_tsquery(terms))


def _tsquery(terms: str) -> ColumnElement[Any]:
    # Written out by us and cast, not parsed by to_tsquery: its parser would split Chinese anew.
    return cast(literal(terms), TSQUERY)


def _descendants(slug: str) -> Select[tuple[UUID]]:
    tree = select(Category.id).where(Category.slug == slug).cte("tree", recursive=True)
    tree = tree.union(select(Category.id).where(Category.parent_id == tree.c.id))
    return select(tree.c.id)


def _order(query: Mapping[str, Any]) -> list[SortKey]:
    terms = search_query(query["q"]) if "q" in query else None
    by_cursor = query.get("cursor") is not None
    default = "-created_at" if terms is None or by_cursor else RELEVANCE
    sort = query.get("sort", default)
    if sort == RELEVANCE:
        if terms is None or by_cursor:
            return [(Product.created_at, "desc")]
        return [(func.ts_rank(Product.search, _tsquery(terms)), "desc")]
    column = getattr(Product, SORT_COLUMNS[sort.removeprefix("-")])
    return [(column, "desc" if sort.startswith("-") else "asc")]


def read_listing(listing: Listing, totals: "TotalCache", *, staff: bool) -> Page[dict[str, Any]]:
    """Return the page that was asked for; a cursor never counts the whole list."""
    if listing.cursor is not None:
        return _read_by_cursor(listing, staff)
    items = [present(row, staff=staff) for row in fetch_all(listing.rows)]
    total = totals.total(listing, lambda: int(fetch_all(listing.count)[0]["total"]))
    pages = -(-total // listing.per_page)
    meta = {
        "pagination": {
            "page": listing.page,
            "per_page": listing.per_page,
            "total": total,
            "pages": pages,
        }
    }
    return Page(items, meta, _links(listing.page, pages))


def _links(page: int, pages: int) -> dict[str, dict[str, str]]:
    links = {"first": {"page": "1"}, "last": {"page": str(max(1, pages))}}
    if page > 1:
        links["prev"] = {"page": str(max(1, min(page - 1, pages)))}
    if page < pages:
        links["next"] = {"page": str(page + 1)}
    return links


def _read_by_cursor(listing: Listing, staff: bool) -> Page[dict[str, Any]]:
    query = {"cursor": listing.cursor, "per_page": listing.per_page}
    with reading() as connection:
        page = paginate(connection, listing.rows, query, sort=listing.order)
    # Behind the named columns come those of the cursor.
    items = [present(dict(zip(_NAMES, row, strict=False)), staff=staff) for row in page.items]
    return Page(items, page.meta, page.links)


class TotalCache:
    """Remembers totals that are dear to count, for a short time, in this process.

    A total below `EXACT_BELOW` is counted every time: that is cheap, and people notice when a short
    list is off by one.
    """

    EXACT_BELOW = 500
    MOST_ENTRIES = 1_000

    def __init__(self, ttl: float) -> None:
        self._ttl = ttl
        self._totals: dict[Any, tuple[float, int]] = {}

    def total(self, key: Any, count: Callable[[], int]) -> int:
        """Return the total behind `key`, counted again when it is older than the TTL (seconds)."""
        known = self._totals.get(key)
        now = time.monotonic()
        if known is not None and now < known[0]:
            return known[1]
        total = count()
        if total >= self.EXACT_BELOW:
            if len(self._totals) >= self.MOST_ENTRIES:
                self._totals.clear()
            self._totals[key] = (now + self._ttl, total)
        return total
