from marshmallow import INCLUDE, Schema, fields

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

    id = Str(required=True, min=1, max=100)
    type = Str(required=True, min=1, max=60)
    data = fields.Nested(WebhookDataSchema, required=True)


class ReceiptSchema(StrictSchema):
    """Whether the webhook had an effect: `processed`, `ignored` or `replayed`."""

    result = fields.String()
