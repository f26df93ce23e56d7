"""Positions in a sorted list, as opaque text: base64url of a checksum and the last sort values.

Source: keyset pagination ("seek method"), https://use-the-index-luke.com/no-offset.
"""

import base64
import binascii
import hashlib
import math
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, and_, false, or_, tuple_

from chassis.exceptions import BadRequest

MAX_LENGTH = 2048
_DIGEST_BYTES = 8
_BIGINT = range(-(2**63), 2**63)


class BadCursor(BadRequest):
    """The cursor was not made by this list in this order; begin again with an empty one."""

    code = "pagination.bad_cursor"


def column_name(column: Any) -> str:
    """Return a name that tells the columns of a statement apart: `orders.created_at`."""
    column = getattr(column, "expression", column)
    return str(column)


def encode(values: Sequence[Any], order: Sequence[tuple[Any, str]]) -> str:
    """Return the cursor behind the row whose sort values are `values`."""
    payload = orjson.dumps(list(values), default=str)
    return base64.urlsafe_b64encode(_digest(payload, order) + payload).rstrip(b"=").decode()


def decode(cursor: str, order: Sequence[tuple[Any, str]]) -> list[Any]:
    """Return the sort values in `cursor`, each of its column's type.

    Raises BadCursor. The checksum catches damage and a cursor of another list or order; it is no
    signature, which is why every value is read as strictly as any input.
    """
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        checksum, payload = raw[:_DIGEST_BYTES], raw[_DIGEST_BYTES:]
        if checksum != _digest(payload, order):
            raise BadCursor
        values = orjson.loads(payload)
        return [_read(value, column) for value, (column, _) in zip(values, order, strict=True)]
    except (binascii.Error, ValueError, TypeError, InvalidOperation) as error:
        raise BadCursor from error


def after(order: Sequence[tuple[Any, str]], values: Sequence[Any]) -> ColumnElement[bool]:
    """Build the condition for rows behind `values` in `order`."""
    plain = all(
        value is not None and not _nullable(column)
        for value, (column, _) in zip(values, order, strict=True)
    )
    directions = {direction for _, direction in order}
    if plain and len(directions) == 1:
        # One comparison of rows, which PostgreSQL can answer from one index on these columns.
        columns = tuple_(*(column for column, _ in order))
        bound = tuple_(*values)
        return columns < bound if directions == {"desc"} else columns > bound
    alternatives = []
    for depth, (column, direction) in enumerate(order):
        same = [
            other.is_not_distinct_from(value)
            for (other, _), value in zip(order[:depth], values[:depth], strict=True)
        ]
        alternatives.append(and_(*same, _beyond(column, direction, values[depth])))
    return or_(*alternatives)


def _beyond(column: Any, direction: str, value: Any) -> ColumnElement[bool]:
    # PostgreSQL sorts NULL as the largest value: last when ascending, first when descending.
    if direction == "asc":
        return false() if value is None else or_(column > value, column.is_(None))
    return column.is_not(None) if value is None else column < value  # type: ignore[no-any-return]


def _nullable(column: Any) -> bool:
    return bool(getattr(getattr(column, "expression", column), "nullable", True))


def _digest(payload: bytes, order: Sequence[tuple[Any, str]]) -> bytes:
    names = ",".join(f"{column_name(column)} {direction}" for column, direction in order)
    return hashlib.sha256(names.encode() + b"\n" + payload).digest()[:_DIGEST_BYTES]


def _read(value: Any, column: Any) -> Any:
    if value is None:
        return None
    kind = column.type.python_type
    if kind not in _READERS:
        raise NotSortable(f"a list cannot be paged by cursor over {column_name(column)} ({kind})")
    return _READERS[kind](value)


class NotSortable(Exception):
    """A defect of ours: the sort column has a type that cursors do not know."""


def _text(value: Any) -> str:
    if not isinstance(value, str) or "\x00" in value:
        raise ValueError("not text")
    return value


def _integer(value: Any) -> int:
    if type(value) is not int or value not in _BIGINT:
        raise ValueError("not an integer")
    return value


def _float(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError("not a number")
    return float(value)


def _decimal(value: Any) -> Decimal:
    number = Decimal(_text(value))
    # PostgreSQL's numeric ends long before Decimal's exponents do.
    if not number.is_finite() or abs(number.adjusted()) > 1000:
        raise ValueError("not a number")
    return number


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("not a boolean")
    return value


def _moment(value: Any) -> datetime:
    moment = datetime.fromisoformat(_text(value))
    if moment.tzinfo is None:
        raise ValueError("no time zone")
    return moment


_READERS: dict[type, Callable[[Any], Any]] = {
    UUID: lambda value: UUID(_text(value)),
    str: _text,
    int: _integer,
    float: _float,
    Decimal: _decimal,
    bool: _boolean,
    datetime: _moment,
    date: lambda value: date.fromisoformat(_text(value)),
}
