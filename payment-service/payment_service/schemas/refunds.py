from marshmallow import Schema, fields

from chassis.schemas import Int, Str, StrictSchema, Timestamp


class NewRefundSchema(StrictSchema):
    """How much to give back (minor units, all that is left when left out) and why."""

    amount = Int(min=1, load_default=None)
    reason = Str(required=True, min=1, max=500)


class RefundSchema(Schema):
    """A refund; the amount is in minor units."""

    id = fields.UUID()
    payment_id = fields.UUID()
    amount = fields.Integer()
    currency = fields.String()
    status = fields.String()
    reason = fields.String()
    failure_code = fields.String(allow_none=True)
    created_at = Timestamp()
    updated_at = Timestamp()


class LedgerEntrySchema(Schema):
    """One side of a double entry: debits positive, credits negative, in minor units."""

    id = fields.UUID()
    operation_id = fields.UUID()
    account = fields.String()
    amount = fields.Integer()
    currency = fields.String()
    created_at = Timestamp()
