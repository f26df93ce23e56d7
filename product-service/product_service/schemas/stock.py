"""Stock movements and reservations as staff sends and sees them."""

from marshmallow import fields

from chassis.schemas import Int, Str, StrictSchema, Timestamp, one_of
from product_service.models.reservations import ReservationStatus
from product_service.models.stock import MOST_UNITS, MovementKind


class AdjustmentSchema(StrictSchema):
    """Units that arrived (positive) or are gone (negative), and why."""

    quantity = Int(
        required=True,
        min=-MOST_UNITS,
        max=MOST_UNITS,
        metadata={"example": 12, "not": {"const": 0}},
    )
    reason = Str(required=True, min=1, max=200, metadata={"example": "delivery 4711"})


class MovementSchema(StrictSchema):
    """One entry of the stock ledger."""

    id = fields.UUID(required=True)
    product_id = fields.UUID(required=True)
    quantity = Int(required=True, metadata={"example": 12})
    kind = fields.String(required=True, validate=one_of(MovementKind))
    reason = fields.String(required=True, metadata={"example": "delivery 4711"})
    order_id = fields.UUID(required=True, allow_none=True, metadata={"example": None})
    actor_id = fields.UUID(required=True, allow_none=True)
    created_at = Timestamp(required=True)


class ReservationLineSchema(StrictSchema):
    """One product of a reservation."""

    product_id = fields.UUID(required=True)
    quantity = Int(required=True, metadata={"example": 2})
    unit_price = Int(required=True, metadata={"example": 2650})


class ReservationSchema(StrictSchema):
    """The stock that an order holds or held."""

    id = fields.UUID(required=True)
    order_id = fields.UUID(required=True)
    status = fields.String(required=True, validate=one_of(ReservationStatus))
    reason = fields.String(required=True, allow_none=True, metadata={"example": None})
    currency = fields.String(required=True, allow_none=True, metadata={"example": "GBP"})
    expires_at = Timestamp(required=True, allow_none=True)
    items = fields.List(fields.Nested(ReservationLineSchema), required=True)
    created_at = Timestamp(required=True)
    updated_at = Timestamp(required=True)
