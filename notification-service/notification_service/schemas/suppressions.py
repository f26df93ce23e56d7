"""Receivers that get no messages."""

from marshmallow import Schema, fields

from chassis.pagination import PageQuery
from chassis.schemas import Str, StrictSchema, Timestamp, one_of
from notification_service.models.receivers import Channel
from notification_service.models.suppressions import Scope


class SuppressionInSchema(StrictSchema):
    """Whom to spare what."""

    channel = fields.String(required=True, validate=one_of(Channel))
    receiver = Str(required=True, min=3, max=254, metadata={"example": "+447400123456"})
    scope = fields.String(required=True, validate=one_of(Scope))


class SuppressionQuery(PageQuery):
    """Filters of the list."""

    channel = fields.String(validate=one_of(Channel))
    receiver = Str(max=254)


class SuppressionSchema(Schema):
    """A receiver that gets no messages of a scope: `marketing`, `notices` and it, or `all`."""

    id = fields.UUID()
    channel = fields.String(validate=one_of(Channel))
    receiver = fields.String(metadata={"example": "+447400123456"})
    scope = fields.String(validate=one_of(Scope))
    reason = fields.String(metadata={"example": "unsubscribed"})
    created_at = Timestamp()
