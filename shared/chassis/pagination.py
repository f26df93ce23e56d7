"""Pages of a list: by number with totals for people, by cursor for machines.

A cursor is a position in the order, not a row count, so that rows which come and go between two
pages neither repeat nor skip others. It names no filter and grants nothing: who forges one only
chooses where in their own list they start.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from marshmallow import fields
from sqlalchemy import ColumnElement, Connection, Select, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from chassis import cursors
from chassis.exceptions import FieldError, Unprocessable
from chassis.schemas import Int, Str, StrictSchema

T = TypeVar("T")
Direction = Literal["asc", "desc"]
SortKey = tuple[ColumnElement[Any] | InstrumentedAttribute[Any], Direction]

DEFAULT_PER_PAGE = 20
MAX_PER_PAGE = 100
MAX_SORT_KEYS = 4
# PostgreSQL's OFFSET is a bigint.
_MAX_OFFSET = 2**63 - 1


class PageQuery(StrictSchema):
    """Query parameters of a list; subclass it to add filters and `sort`."""

    page = Int(
        min=1,
        from_text=True,
        load_default=1,
        metadata={"description": "Page number; not together with `cursor`"},
    )
    per_page = Int(
        min=1,
        max=MAX_PER_PAGE,
        from_text=True,
        load_default=DEFAULT_PER_PAGE,
        metadata={"description": "Items of a page"},
    )
    cursor = Str(
        max=cursors.MAX_LENGTH,
        metadata={"description": "Empty to begin, then `meta.pagination.next_cursor`"},
    )


class ListQuery(PageQuery):
    """A `PageQuery` whose list can be sorted; `parse_sort` reads the value."""

    sort = fields.String(
        metadata={"description": "Names separated by commas, `-` before one for descending"}
    )


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some items of a list.

    meta: what joins `meta` of the envelope, as `{"pagination": {...}}`.
    links: from a relation (`next`, `prev`, `first`, `last`) to the query parameters that differ.
    """

    items: Sequence[T]
    meta: Mapping[str, Any] = field(default_factory=dict)
    links: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def parse_sort(
    text: str | None,
    *,
    allowed: Mapping[str, ColumnElement[Any] | InstrumentedAttribute[Any]],
    default: str = "",
) -> list[SortKey]:
    """Read `-created_at,name` with the columns that `allowed` names; empty text means `default`.

    Raises Unprocessable with the field `sort` for any other name, or one that stands twice.
    """
    names = [part for part in (text or default).split(",") if part]
    keys: list[SortKey] = []
    for name in names:
        column = allowed.get(name.removeprefix("-"))
        if column is None:
            raise _bad_sort(f"Must be of: {', '.join(allowed)}.")
        keys.append((column, "desc" if name.startswith("-") else "asc"))
    if len({name.removeprefix("-") for name in names}) != len(names) or len(names) > MAX_SORT_KEYS:
        raise _bad_sort(f"At most {MAX_SORT_KEYS} different names.")
    return keys


def _bad_sort(message: str) -> Unprocessable:
    problem: FieldError = {"field": "sort", "message": message}
    return Unprocessable("The request is not valid", errors=[problem])


def paginate(
    session: Session | Connection,
    statement: Select[Any],
    query: Mapping[str, Any],
    *,
    sort: Sequence[SortKey] = (),
    total: bool = True,
) -> Page[Any]:
    """Run `statement` for the page that `query` (a loaded `PageQuery`) asks for.

    The primary key of the statement's first table is added to `sort`, so that the order is total.
    Items are entities, or rows where the statement selects several columns.
    total: count all rows too; leave it out where that is expensive. A cursor never counts.

    Raises BadRequest with code `pagination.bad_cursor` for a cursor that was not made by this list
    in this order.
    """
    order = _total_order(statement, sort)
    per_page = int(query.get("per_page", DEFAULT_PER_PAGE))
    if query.get("cursor") is not None:
        return _by_cursor(session, statement, order, str(query["cursor"]), per_page)
    ordered = statement.order_by(None).order_by(*(_ordering(*key) for key in order))
    page = int(query.get("page", 1))
    if total:
        return _by_number(session, ordered, page, per_page)
    return _by_number_uncounted(session, ordered, page, per_page)


def _total_order(statement: Select[Any], sort: Sequence[SortKey]) -> list[SortKey]:
    keys: list[ColumnElement[Any]] = list(statement.columns_clause_froms[0].primary_key)
    # The same direction as the last key: then one index serves the whole order.
    direction: Direction = sort[-1][1] if sort else "asc"
    given = {cursors.column_name(column) for column, _ in sort}
    extra: list[SortKey] = [
        (key, direction) for key in keys if cursors.column_name(key) not in given
    ]
    return [*sort, *extra]


def _ordering(column: Any, direction: Direction) -> Any:
    return column.desc() if direction == "desc" else column.asc()


def _fetch(session: Session | Connection, statement: Select[Any]) -> list[Any]:
    rows = session.execute(statement)
    return list(rows.scalars() if len(statement.column_descriptions) == 1 else rows)


def _by_number(
    session: Session | Connection, ordered: Select[Any], page: int, per_page: int
) -> Page[Any]:
    counted = select(func.count()).select_from(ordered.order_by(None).subquery())
    count = int(session.scalar(counted) or 0)
    pages = -(-count // per_page)
    offset = (page - 1) * per_page
    # Beyond the end nothing is asked for: Postgres would walk all rows, or refuse the number.
    items = _fetch(session, ordered.limit(per_page).offset(offset)) if offset < count else []
    links = {"first": {"page": "1"}, "last": {"page": str(max(1, pages))}}
    if page > 1:
        links["prev"] = {"page": str(max(1, min(page - 1, pages)))}
    if page < pages:
        links["next"] = {"page": str(page + 1)}
    return _page(items, links, page=page, per_page=per_page, total=count, pages=pages)


def _by_number_uncounted(
    session: Session | Connection, ordered: Select[Any], page: int, per_page: int
) -> Page[Any]:
    offset = (page - 1) * per_page
    one_more = ordered.limit(per_page + 1).offset(offset)
    items = _fetch(session, one_more) if offset <= _MAX_OFFSET else []
    has_more = len(items) > per_page
    links = {"first": {"page": "1"}}
    if page > 1:
        links["prev"] = {"page": str(page - 1)}
    if has_more:
        links["next"] = {"page": str(page + 1)}
    return _page(items[:per_page], links, page=page, per_page=per_page, has_more=has_more)


def _by_cursor(
    session: Session | Connection,
    statement: Select[Any],
    order: list[SortKey],
    cursor: str,
    per_page: int,
) -> Page[Any]:
    width = len(statement.column_descriptions)
    keys = [column.label(f"_cursor_{index}") for index, (column, _) in enumerate(order)]
    ordered = statement.order_by(None).order_by(*(_ordering(*key) for key in order))
    if cursor:
        ordered = ordered.where(cursors.after(order, cursors.decode(cursor, order)))
    rows = session.execute(ordered.add_columns(*keys).limit(per_page + 1)).all()
    has_more = len(rows) > per_page
    rows = rows[:per_page]
    items = [row[0] if width == 1 else row for row in rows]
    links = {"first": {"cursor": ""}}
    upcoming = cursors.encode(rows[-1][-len(order) :], order) if has_more else None
    if upcoming is not None:
        links["next"] = {"cursor": upcoming}
    return _page(items, links, per_page=per_page, has_more=has_more, next_cursor=upcoming)


def _page(items: list[Any], links: dict[str, dict[str, str]], **pagination: Any) -> Page[Any]:
    return Page(items, {"pagination": pagination}, links)
