from marshmallow import Schema, fields

from chassis.schemas import Int, StrictSchema, Timestamp
from order_service.models.carts import MAX_QUANTITY


class QuantitySchema(StrictSchema):
    """A new quantity."""

    quantity = Int(required=True, min=1, max=MAX_QUANTITY, metadata={"example": 2})


class CartItemInSchema(QuantitySchema):
    """Units of a product to add."""

    product_id = fields.UUID(required=True)


class CartItemSchema(Schema):
    product_id = fields.UUID()
    quantity = fields.Integer(metadata={"example": 2})


class CartSchema(Schema):
    """A customer's cart."""

    items = fields.List(fields.Nested(CartItemSchema))
    updated_at = Timestamp()
