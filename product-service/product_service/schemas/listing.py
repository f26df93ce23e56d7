"""The filters of the product list."""

import json
import math
from typing import Any

from marshmallow import ValidationError, fields, post_load, pre_load, validate

from chassis.pagination import PageQuery
from chassis.schemas import Int, Str
from product_service.models.products import RELEVANCE, SORT_COLUMNS, ProductStatus

ATTRIBUTE = "attr."
MOST_IDS = 100
SORTS = [RELEVANCE, *(sign + name for name in SORT_COLUMNS for sign in ("", "-"))]


class Ids(fields.Field[Any]):
    """UUIDs separated by commas."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Any, **kwargs: Any
    ) -> tuple[Any, ...]:
        parts = [part for part in str(value).split(",") if part]
        if len(parts) > MOST_IDS:
            raise ValidationError(f"More than {MOST_IDS} ids.")
        return tuple(fields.UUID().deserialize(part) for part in parts)


class Flag(fields.String):
    """`true` or `false`, and nothing that merely looks like it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if value not in ("true", "false"):
            raise ValidationError("Must be true or false.")
        return value == "true"


class ProductQuerySchema(PageQuery):
    """What to list. `attr.<name>=<value>` filters by attribute; unknown names are refused."""

    q = Str(max=200, metadata={"description": "Words to find; Chinese needs no spaces"})
    category = Str(min=1, max=100, metadata={"description": "Slug; its descendants count too"})
    min_price = Int(from_text=True, min=0, metadata={"description": "Minor units, inclusive"})
    max_price = Int(from_text=True, min=0, metadata={"description": "Minor units, inclusive"})
    in_stock = Flag(metadata={"description": "`true`: only what can be ordered now"})
    ids = Ids(metadata={"description": f"Up to {MOST_IDS} ids separated by commas"})
    sku = Str(min=1, max=64)
    status = fields.String(
        validate=validate.OneOf([*(status.value for status in ProductStatus), "any"]),
        metadata={"description": "Staff only; default `active`"},
    )
    sort = fields.String(validate=validate.OneOf(SORTS))
    attributes = fields.Dict(keys=fields.String(), values=fields.List(fields.Raw()))

    @pre_load
    def gather_attributes(self, data: Any, **_: Any) -> dict[str, Any]:
        gathered: dict[str, Any] = {}
        attributes: dict[str, list[Any]] = {}
        for name in data:
            if name == "attributes":
                raise ValidationError("Unknown field.", "attributes")
            if name.startswith(ATTRIBUTE):
                attributes[name.removeprefix(ATTRIBUTE)] = _readings(data[name])
            else:
                gathered[name] = data[name]
        if attributes:
            gathered["attributes"] = attributes
        if "ids" in gathered:
            # Who names 50 products wants 50, not the first 20.
            gathered.setdefault("per_page", str(MOST_IDS))
        return gathered

    @post_load
    def ordered_prices(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        if data.get("min_price", 0) > data.get("max_price", math.inf):
            raise ValidationError("Is above max_price.", "min_price")
        return data


def _readings(value: str) -> list[Any]:
    """Return what a query string may mean: `42` is the text and the number."""
    try:
        number = json.loads(value, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return [value]
    is_scalar = isinstance(number, int | float) and abs(number) < math.inf
    return [value, number] if is_scalar else [value]
