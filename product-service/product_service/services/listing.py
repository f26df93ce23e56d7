"""The product list: filters, order and pages, from loaded query parameters to statements."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    cast,
    false,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import TSQUERY

from chassis.database import fetch_all, transaction
from chassis.pagination import Page, SortKey, paginate
from product_service.models import Category, Product, ProductStatus, stock_levels
from product_service.models.products import RELEVANCE, SORT_COLUMNS
from product_service.models.search_text import search_query
from product_service.services.hot_reads import SELECT_PRODUCTS, WIDTH, HotRead, present
from product_service.services.recent import Recent

# From here on a list may be a moment old. A shorter one is counted and read every time: that is
# cheap, and people notice when a short list is off by one.
LONG_LIST = 500


@dataclass(frozen=True, eq=False)
class Listing:
    """A list request, worked out: its statements and where in them the page lies."""

    rows: HotRead
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
    return Listing(HotRead(rows), counted, tuple(order), page, per_page, query.get("cursor"))


def _conditions(query: Mapping[str, Any]) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if "ids" in query:
        found.append(Product.id.in_(query["ids"]))
    # Asked for by id, an archived product is shown: old orders name it.
    status = query.get("status", "any" if "ids" in query else ProductStatus.ACTIVE.value)
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


def read_listing(listing: Listing, totals: Recent[int], *, staff: bool) -> Page[dict[str, Any]]:
    """Return the page that was asked for; a cursor never counts the whole list.

    totals: what long lists were counted to lately.
    """
    if listing.cursor is not None:
        return _read_by_cursor(listing, staff)
    total = _total(listing, totals)
    # Behind the end nothing is asked for: Postgres would walk the whole list to skip it.
    rows = listing.rows.fetch() if (listing.page - 1) * listing.per_page < total else []
    items = [present(row, staff=staff) for row in rows]
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


def _total(listing: Listing, totals: Recent[int]) -> int:
    known = totals.get(listing)
    if known is not None:
        return known
    total = int(fetch_all(listing.count)[0]["total"])
    if total >= LONG_LIST:
        totals.keep(listing, total)
    return total


def _links(page: int, pages: int) -> dict[str, dict[str, str]]:
    links = {"first": {"page": "1"}, "last": {"page": str(max(1, pages))}}
    if page > 1:
        links["prev"] = {"page": str(max(1, min(page - 1, pages)))}
    if page < pages:
        links["next"] = {"page": str(page + 1)}
    return links


def _read_by_cursor(listing: Listing, staff: bool) -> Page[dict[str, Any]]:
    query = {"cursor": listing.cursor, "per_page": listing.per_page}
    # Machines page by cursor, which is no hot read: its connection may be pinged first.
    with transaction() as session:
        page = paginate(session, listing.rows.statement, query, sort=listing.order)
    items = [present(row[:WIDTH], staff=staff) for row in page.items]
    return Page(items, page.meta, page.links)
