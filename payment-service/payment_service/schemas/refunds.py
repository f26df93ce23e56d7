from marshmallow import Schema, fields

from chassis.schemas import Int, Str, StrictSchema, Timestamp, one_of
from payment_service.models.ledger import Account
from payment_service.models.refunds import RefundStatus


class NewRefundSchema(StrictSchema):
    """How much to give back (minor units, all that is left when left out) and why."""

    amount = Int(min=1, load_default=None, allow_none=True, metadata={"example": 1000})
    reason = Str(required=True, min=1, max=500, metadata={"example": "One cup was broken"})


class RefundSchema(Schema):
    """A refund; the amount is in minor units."""

    id = fields.UUID()
    payment_id = fields.UUID()
    amount = fields.Integer(metadata={"example": 1000})
    currency = fields.String(metadata={"example": "GBP"})
    status = fields.String(validate=one_of(RefundStatus))
    reason = fields.String(metadata={"example": "One cup was broken"})
    failure_code = fields.String(allow_none=True, metadata={"example": None})
    created_at = Timestamp()
    updated_at = Timestamp()


class LedgerEntrySchema(Schema):
    """One side of a double entry: debits positive, credits negative, in minor units."""

    id = fields.UUID()
    operation_id = fields.UUID()
    account = fields.String(validate=one_of(Account))
    amount = fields.Integer(metadata={"example": 5300})
    currency = fields.String(metadata={"example": "GBP"})
    created_at = Timestamp()
