from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from chassis.money import EXPONENTS
from chassis.pagination import ListQuery
from chassis.schemas import Int, MoneySchema, Str, StrictSchema, Timestamp, one_of
from order_service.models.carts import MAX_QUANTITY
from order_service.models.lifecycle import OrderStatus, Outcome
from order_service.models.orders import MAX_LINES
from order_service.models.payments import RefundStatus

EXPANDABLE = ("products", "payment")


class OrderItemInSchema(StrictSchema):
    """One product to order."""

    product_id = fields.UUID(required=True)
    quantity = Int(required=True, min=1, max=MAX_QUANTITY, metadata={"example": 2})


class ShippingAddressSchema(StrictSchema):
    """Where the order goes."""

    recipient = Str(required=True, min=1, max=200, metadata={"example": "Ada Lovelace"})
    line1 = Str(required=True, min=1, max=200, metadata={"example": "12 St James's Square"})
    line2 = Str(max=200, allow_none=True, metadata={"example": None})
    city = Str(required=True, min=1, max=100, metadata={"example": "London"})
    region = Str(max=100, allow_none=True, metadata={"example": None})
    postal_code = Str(required=True, min=1, max=20, metadata={"example": "SW1Y 4JH"})
    country = fields.String(
        required=True,
        validate=validate.Regexp(r"\A[A-Z]{2}\Z", error="Must be an ISO 3166 code of two letters."),
        metadata={"example": "GB"},
    )
    phone = Str(max=30, allow_none=True, metadata={"example": "+442079460018"})


class ExpectedTotalSchema(MoneySchema):
    """The total that the customer was shown."""

    @validates_schema
    def check_currency(self, data: dict[str, Any], **kwargs: Any) -> None:
        """Refuse a code that is no currency."""
        if data["currency"] not in EXPONENTS:
            raise ValidationError("Not an active ISO 4217 code.", "currency")


class OrderInSchema(StrictSchema):
    """An order of `items`, or of the cart with `from_cart`.

    Several items of one product are merged. With `expected_total` an order whose prices have
    changed is rejected instead of charged.
    """

    items = fields.List(
        fields.Nested(OrderItemInSchema), validate=validate.Length(min=1, max=MAX_LINES)
    )
    from_cart = fields.Boolean(truthy={True}, falsy={False}, load_default=False)
    expected_total = fields.Nested(ExpectedTotalSchema, allow_none=True)
    shipping_address = fields.Nested(ShippingAddressSchema, allow_none=True)
    note = Str(max=500, allow_none=True, metadata={"example": "Please ring twice"})

    @validates_schema(skip_on_field_errors=True)
    def check_source(self, data: dict[str, Any], **kwargs: Any) -> None:
        """Demand exactly one source of the lines."""
        if ("items" in data) == data["from_cart"]:
            raise ValidationError("Send either items or from_cart: true.", "items")


class OrderListQuery(ListQuery):
    """Filters of the list of orders."""

    status = Str(max=200, metadata={"description": "Names separated by commas", "example": "paid"})
    created_from = Timestamp(metadata={"description": "Inclusive"})
    created_to = Timestamp(metadata={"description": "Exclusive"})
    customer_id = fields.UUID(metadata={"description": "Staff only"})
    number = Str(max=11)

    @validates_schema(skip_on_field_errors=True)
    def check_status(self, data: dict[str, Any], **kwargs: Any) -> None:
        """Refuse a state that does not exist."""
        _check_names("status", data.get("status", ""), [str(status) for status in OrderStatus])


class OrderQuery(StrictSchema):
    """Parameters of a single order."""

    expand = Str(
        max=100,
        load_default="",
        metadata={"description": "Of `products`, `payment`, separated by commas"},
    )

    @validates_schema(skip_on_field_errors=True)
    def check_expand(self, data: dict[str, Any], **kwargs: Any) -> None:
        """Refuse what cannot be expanded."""
        _check_names("expand", data["expand"], EXPANDABLE)


def _check_names(field: str, text: str, allowed: list[str] | tuple[str, ...]) -> None:
    if not set(split_names(text)) <= set(allowed):
        raise ValidationError(f"Must be of: {', '.join(allowed)}.", field)


def split_names(text: str) -> list[str]:
    """Return the names of a comma-separated parameter."""
    return [name.strip() for name in text.split(",") if name.strip()]


class CancelSchema(StrictSchema):
    reason = Str(
        min=1,
        max=500,
        allow_none=True,
        load_default=None,
        metadata={"example": "Changed my mind"},
    )


class ShipSchema(StrictSchema):
    carrier = Str(
        min=1, max=100, allow_none=True, load_default=None, metadata={"example": "Royal Mail"}
    )
    tracking_number = Str(
        min=1, max=100, allow_none=True, load_default=None, metadata={"example": "RM123456789GB"}
    )


class RefundInSchema(StrictSchema):
    """Part of what was paid. `amount` counts minor units of the order's currency."""

    amount = Int(required=True, min=1, metadata={"example": 1999})
    reason = Str(required=True, min=1, max=500, metadata={"example": "One cup was broken"})


class RefundSchema(Schema):
    """Money on its way back (`requested`) or there (`completed`).

    `superseded`: a refund made directly at payment-service had already taken its money.
    """

    id = fields.UUID()
    order_id = fields.UUID()
    payment_id = fields.UUID()
    amount = fields.Integer(metadata={"example": 1999})
    currency = fields.String(metadata={"example": "GBP"})
    reason = fields.String(metadata={"example": "One cup was broken"})
    status = fields.String(validate=one_of(RefundStatus))
    created_at = Timestamp()
    completed_at = Timestamp(allow_none=True, metadata={"example": None})


class OrderLineSchema(Schema):
    product_id = fields.UUID()
    sku = fields.String(allow_none=True, metadata={"example": "TEA-005"})
    name = fields.String(allow_none=True, metadata={"example": "Glass teapot with strainer"})
    quantity = fields.Integer(metadata={"example": 2})
    unit_price = fields.Integer(allow_none=True, metadata={"example": 2650})
    line_total = fields.Integer(allow_none=True, metadata={"example": 5300})


class TimelineEntrySchema(Schema):
    at = Timestamp(attribute="created_at")
    from_status = fields.String(data_key="from", allow_none=True, metadata={"example": "pending"})
    to_status = fields.String(
        data_key="to", validate=one_of(OrderStatus), metadata={"example": "awaiting_payment"}
    )
    event = fields.String(metadata={"example": "stock_reserved"})
    outcome = fields.String(validate=one_of(Outcome))
    detail = fields.Dict()


class OrderSummarySchema(Schema):
    """An order in a list."""

    id = fields.UUID()
    number = fields.String(metadata={"example": "MF5VM-XG47D"})
    customer_id = fields.UUID()
    status = fields.String(validate=one_of(OrderStatus), metadata={"example": "awaiting_payment"})
    items = fields.List(fields.Nested(OrderLineSchema), attribute="lines")
    total = fields.Nested(MoneySchema, attribute="money", allow_none=True)
    refunded_amount = fields.Integer(metadata={"example": 0})
    payment_id = fields.UUID(allow_none=True, metadata={"example": None})
    expires_at = Timestamp(allow_none=True)
    reason = fields.String(allow_none=True, metadata={"example": None})
    created_at = Timestamp()
    updated_at = Timestamp()
    version = fields.Integer()


class OrderSchema(OrderSummarySchema):
    """An order with all that happened to it.

    `total`, names and prices are null until product-service has reserved the stock.
    """

    note = fields.String(allow_none=True, metadata={"example": "Please ring twice"})
    shipping_address = fields.Nested(ShippingAddressSchema, allow_none=True)
    carrier = fields.String(allow_none=True, metadata={"example": None})
    tracking_number = fields.String(allow_none=True, metadata={"example": None})
    refunds = fields.List(fields.Nested(RefundSchema))
    timeline = fields.List(fields.Nested(TimelineEntrySchema))


class ExpandedLineSchema(OrderLineSchema):
    product = fields.Dict(
        allow_none=True,
        metadata={"sometimes": True, "description": "With `expand=products`", "example": None},
    )


class ExpandedOrderSchema(OrderSchema):
    """An order with what other services know of it; see `expand`."""

    items = fields.List(fields.Nested(ExpandedLineSchema), attribute="lines")
    payment = fields.Dict(
        allow_none=True,
        metadata={"sometimes": True, "description": "With `expand=payment`", "example": None},
    )
