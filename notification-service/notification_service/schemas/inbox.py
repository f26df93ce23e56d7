from marshmallow import Schema, fields

from chassis.schemas import Str, StrictSchema, Timestamp, one_of
from notification_service.models.receivers import Channel


class InboxQuery(StrictSchema):
    """Whose messages to show."""

    receiver = Str(
        max=254, load_default=None, metadata={"description": "Number or address", "example": ""}
    )


class ShownSchema(Schema):
    """A message as it went out, or would have."""

    id = fields.UUID()
    message_id = fields.UUID()
    channel = fields.String(validate=one_of(Channel))
    receiver = fields.String(metadata={"example": "mei@example.com"})
    subject = fields.String(allow_none=True, metadata={"example": "Your code to sign in"})
    text = fields.String(metadata={"example": "This is your code to sign in: 493817"})
    html = fields.String(allow_none=True, metadata={"example": "<p>493817</p>"})
    created_at = Timestamp()
