from marshmallow import INCLUDE, Schema, fields, validate

from chassis.schemas import Str, StrictSchema


class WebhookDataSchema(Schema):
    """What the webhook is about; providers may add members at any time."""

    class Meta:
        unknown = INCLUDE

    payment_id = fields.UUID(required=True)


class WebhookSchema(Schema):
    """A webhook of the sandbox."""

    class Meta:
        unknown = INCLUDE

    id = Str(required=True, min=1, max=100, metadata={"example": "evt_4711"})
    type = Str(required=True, min=1, max=60, metadata={"example": "payment.succeeded"})
    data = fields.Nested(WebhookDataSchema, required=True)


class ReceiptSchema(StrictSchema):
    """Whether the webhook had an effect: `processed`, `ignored` or `replayed`."""

    result = fields.String(
        required=True, validate=validate.OneOf(["processed", "ignored", "replayed"])
    )
