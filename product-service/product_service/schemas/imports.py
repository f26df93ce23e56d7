"""Import files: from CSV text to rows, each good or with its errors."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any, overload

from marshmallow import ValidationError, fields, pre_load, validate

from chassis import strict_json
from chassis.exceptions import FieldError, ServiceError, Unprocessable
from chassis.routing import field_errors
from chassis.schemas import FieldErrorSchema, Int, Str, StrictSchema, Timestamp, one_of
from product_service.models.imports import BadRow, ImportRow, ImportStatus
from product_service.models.products import ProductStatus
from product_service.models.stock import MOST_UNITS
from product_service.schemas.products import (
    MOST_AMOUNT,
    check_attributes,
    check_currency,
    check_image,
)

REQUIRED = ("sku", "name", "price_amount", "currency")
_SHOWN_SKU = 64


class ImportRowSchema(StrictSchema):
    """The columns of an import file; an empty cell is as good as none."""

    sku = Str(required=True, min=1, max=64)
    name = Str(required=True, min=1, max=300)
    description = Str(load_default="", max=10_000)
    price_amount = Int(required=True, from_text=True, min=0, max=MOST_AMOUNT)
    currency = fields.String(required=True, validate=check_currency)
    category = Str(load_default=None, max=100)
    status = fields.String(
        load_default=ProductStatus.ACTIVE.value,
        validate=one_of(ProductStatus),
    )
    attributes = fields.Dict(keys=fields.String(), load_default=dict, validate=check_attributes)
    images = fields.List(
        Str(min=1, max=2_000, validate=check_image),
        load_default=list,
        validate=validate.Length(max=20),
    )
    stock = Int(load_default=0, from_text=True, min=0, max=MOST_UNITS)

    @pre_load
    def open_cells(self, row: dict[str, str], **_: Any) -> dict[str, Any]:
        """Read the JSON object of `attributes`, and the URLs of `images`, which blanks separate."""
        opened: dict[str, Any] = dict(row)
        if "images" in row:
            opened["images"] = row["images"].split()
        if "attributes" in row:
            try:
                opened["attributes"] = strict_json.loads(row["attributes"].encode())
            except ServiceError as error:
                raise ValidationError("Must be a JSON object.", "attributes") from error
        return opened


class RowErrorSchema(StrictSchema):
    """What is wrong with one row; rows are counted from 1, after the header."""

    row_number = Int(required=True, metadata={"example": 7})
    sku = fields.String(required=True, metadata={"example": "TEA-005"})
    errors = fields.List(fields.Nested(FieldErrorSchema), required=True)


class ImportSchema(StrictSchema):
    """An import and how far it has come."""

    id = fields.UUID(required=True)
    status = fields.String(required=True, validate=one_of(ImportStatus))
    total_rows = Int(required=True, metadata={"example": 40})
    processed_rows = Int(required=True, metadata={"example": 0})
    created_rows = Int(required=True, metadata={"example": 0})
    updated_rows = Int(required=True, metadata={"example": 0})
    unchanged_rows = Int(required=True, metadata={"example": 0})
    failed_rows = Int(required=True, metadata={"example": 0})
    errors = fields.List(fields.Nested(RowErrorSchema), required=True, metadata={"example": []})
    created_at = Timestamp(required=True)
    updated_at = Timestamp(required=True)
    finished_at = Timestamp(required=True, allow_none=True, metadata={"example": None})


def decode_file(body: bytes) -> tuple[str, int]:
    """Return an uploaded file as text, and how many rows it has below its header.

    Raises Unprocessable for other text than UTF-8 without NUL, a wrong header, or no CSV.
    """
    try:
        text = body.decode("utf-8-sig")
        if "\x00" in text:
            raise _unusable("", "Must not contain NUL.")
        return text, sum(1 for _ in _records(text))
    except UnicodeDecodeError as error:
        raise _unusable("", "Must be UTF-8.") from error
    except csv.Error as error:
        raise _unusable("", f"Is not CSV: {error}.") from error


class FileRows(Sequence[ImportRow | BadRow]):
    """The rows of a file that `decode_file` has let through, each parsed when it is asked for.

    A worker that goes on in the middle of a large file does not validate what comes before.
    """

    def __init__(self, text: str) -> None:
        self._schema = ImportRowSchema()
        self._rows = list(_records(text))
        self._first: dict[str, int] = {}
        for number, (header, cells) in enumerate(self._rows, start=1):
            self._first.setdefault(_filled(header, cells).get("sku", ""), number)

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, at: int) -> ImportRow | BadRow: ...
    @overload
    def __getitem__(self, at: slice) -> list[ImportRow | BadRow]: ...
    def __getitem__(self, at: int | slice) -> ImportRow | BadRow | list[ImportRow | BadRow]:
        if isinstance(at, slice):
            return [self._parse(index) for index in range(len(self._rows))[at]]
        return self._parse(range(len(self._rows))[at])

    def _parse(self, index: int) -> ImportRow | BadRow:
        number, (header, cells) = index + 1, self._rows[index]
        row = _filled(header, cells)
        sku = row.get("sku", "")
        shown = sku[:_SHOWN_SKU]
        if len(cells) != len(header):
            return _bad(number, shown, "", f"Has {len(cells)} cells instead of {len(header)}.")
        try:
            columns = self._schema.load(row)
        except ValidationError as error:
            return BadRow(number, shown, field_errors(error.messages))
        if self._first[sku] != number:
            return _bad(number, shown, "sku", f"Stands in row {self._first[sku]} already.")
        category, stock = columns.pop("category"), columns.pop("stock")
        return ImportRow(number, columns.pop("sku"), columns, category, stock)


def _filled(header: list[str], cells: list[str]) -> dict[str, str]:
    return {name: cell.strip() for name, cell in zip(header, cells, strict=False) if cell.strip()}


def _records(text: str) -> Iterator[tuple[list[str], list[str]]]:
    lines = csv.reader(io.StringIO(text, newline=""))
    header = [name.strip() for name in next(lines, [])]
    _check_header(header)
    for cells in lines:
        if cells:
            yield header, cells


def _check_header(header: list[str]) -> None:
    problems = [(name, "Missing column.") for name in REQUIRED if name not in header]
    problems += [
        (name, "Unknown column.") for name in header if name not in ImportRowSchema().fields
    ]
    problems += [(name, "Stands twice.") for name in set(header) if header.count(name) > 1]
    if problems:
        raise Unprocessable(
            "The header of the file is not valid",
            code="products.import_header",
            errors=[{"field": name, "message": message} for name, message in sorted(problems)],
        )


def _bad(number: int, sku: str, field: str, message: str) -> BadRow:
    problem: FieldError = {"field": field, "message": message}
    return BadRow(number, sku, [problem])


def _unusable(field: str, message: str) -> Unprocessable:
    return Unprocessable(
        "The file cannot be read",
        code="products.import_file",
        errors=[{"field": field, "message": message}],
    )
