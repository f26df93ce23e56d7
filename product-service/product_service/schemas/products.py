"""Products as clients send and see them."""

from typing import Any
from urllib.parse import urlsplit

from marshmallow import ValidationError, fields, post_load, validate

from chassis.money import EXPONENTS
from chassis.schemas import Int, Str, StrictSchema, Timestamp, one_of
from product_service.models.products import ProductStatus
from product_service.models.stock import MOST_UNITS

# 90 million in a currency with cents: a typing error above that, and the total of the largest order
# that order-service takes stays within 64 bits.
MOST_AMOUNT = 9_000_000_000
MOST_ATTRIBUTES = 50
_IMAGE = "https://shop.example/images/85123A.jpg"
_ATTRIBUTES = {"example": {"colour": "white"}}


def check_currency(code: str) -> None:
    """Raise ValidationError unless `code` is a currency that people pay in."""
    if code not in EXPONENTS:
        raise ValidationError("Must be an active ISO 4217 code.")


def check_image(url: str) -> None:
    """Raise ValidationError unless `url` is an absolute http(s) URL; nothing is fetched."""
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        valid = False
    if not valid or any(character.isspace() for character in url):
        raise ValidationError("Must be an absolute http or https URL.")


def check_attributes(attributes: dict[str, Any]) -> None:
    """Raise ValidationError unless every value is a text, number or truth value of sane size."""
    if len(attributes) > MOST_ATTRIBUTES:
        raise ValidationError(f"More than {MOST_ATTRIBUTES} attributes.")
    for name, value in attributes.items():
        if not 1 <= len(name) <= 60:
            raise ValidationError("A name must have 1 to 60 characters.")
        if not isinstance(value, str | int | float | bool):
            raise ValidationError({name: ["Must be a text, a number or a truth value."]})
        if isinstance(value, str) and len(value) > 500:
            raise ValidationError({name: ["Longer than 500 characters."]})


class PriceSchema(StrictSchema):
    """A price in minor units (1999 is 19.99 in EUR) of an ISO 4217 currency."""

    amount = Int(required=True, min=0, max=MOST_AMOUNT, metadata={"example": 1999})
    currency = fields.String(
        required=True,
        validate=check_currency,
        metadata={"example": "GBP", "enum": sorted(EXPONENTS)},
    )


class _EditableSchema(StrictSchema):
    """What creation and change have in common; columns of Product come out."""

    @post_load
    def columns(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        price = data.pop("price", None)
        if price is not None:
            data["price_amount"], data["currency"] = price["amount"], price["currency"]
        return data


def _images(**kwargs: Any) -> fields.List[Any]:
    return fields.List(
        Str(min=1, max=2_000, validate=check_image, metadata={"example": _IMAGE}),
        validate=validate.Length(max=20),
        **kwargs,
    )


class NewProductSchema(_EditableSchema):
    """A product to create."""

    sku = Str(required=True, min=1, max=64, metadata={"example": "85123A"})
    name = Str(required=True, min=1, max=300, metadata={"example": "White hanging heart"})
    description = Str(load_default="", max=10_000, metadata={"example": "Holds a litre."})
    price = fields.Nested(PriceSchema, required=True)
    category_id = fields.UUID(load_default=None, allow_none=True, metadata={"example": None})
    attributes = fields.Dict(
        keys=fields.String(),
        load_default=dict,
        validate=check_attributes,
        metadata=_ATTRIBUTES,
    )
    images = _images(load_default=list)
    initial_stock = Int(load_default=0, min=0, max=MOST_UNITS, metadata={"example": 40})


class ProductChangeSchema(_EditableSchema):
    """What changes of a product; what is left out stays."""

    name = Str(min=1, max=300, metadata={"example": "White hanging heart"})
    description = Str(max=10_000, metadata={"example": "Holds a litre."})
    price = fields.Nested(PriceSchema)
    category_id = fields.UUID(allow_none=True, metadata={"example": None})
    attributes = fields.Dict(keys=fields.String(), validate=check_attributes, metadata=_ATTRIBUTES)
    images = _images()
    status = fields.String(validate=one_of(ProductStatus))


class ProductSchema(StrictSchema):
    """A product as everybody sees it; `on_hand` and `reserved` are for staff."""

    id = fields.UUID(required=True)
    sku = fields.String(required=True, metadata={"example": "85123A"})
    name = fields.String(required=True, metadata={"example": "White hanging heart"})
    description = fields.String(required=True, metadata={"example": "Holds a litre."})
    price = fields.Nested(PriceSchema, required=True)
    category_id = fields.UUID(required=True, allow_none=True, metadata={"example": None})
    attributes = fields.Dict(required=True, metadata=_ATTRIBUTES)
    images = fields.List(fields.String(metadata={"example": _IMAGE}), required=True)
    status = fields.String(required=True, validate=one_of(ProductStatus))
    available = Int(
        required=True, metadata={"description": "Units that can be ordered now", "example": 39}
    )
    version = Int(required=True)
    created_at = Timestamp(required=True)
    updated_at = Timestamp(required=True)
    on_hand = Int(metadata={"description": "Staff only", "example": 40})
    reserved = Int(metadata={"description": "Staff only"})
