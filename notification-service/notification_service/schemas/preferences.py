"""What users choose to hear."""

from marshmallow import Schema, ValidationError, fields, validate

from chassis.schemas import Str, StrictSchema
from notification_service.models.quiet_hours import time_zone
from notification_service.templates.registry import LOCALES


def _known_zone(name: str) -> None:
    try:
        time_zone(name)
    except ValueError:
        raise ValidationError("Must be a time zone such as Europe/London.") from None


def _choice() -> fields.Boolean:
    return fields.Boolean(truthy={True}, falsy={False}, allow_none=True, metadata={"example": True})


class ChoicesSchema(StrictSchema):
    """What to change; null takes a choice back."""

    locale = fields.String(
        validate=validate.OneOf(LOCALES), allow_none=True, metadata={"example": "en"}
    )
    time_zone = Str(
        min=1, max=60, validate=_known_zone, allow_none=True, metadata={"example": "Europe/London"}
    )
    email_notice = _choice()
    sms_notice = _choice()
    email_marketing = _choice()
    sms_marketing = _choice()


class PreferenceSchema(Schema):
    """What a user chose; null: nothing. News then come by mail, and marketing not at all."""

    locale = fields.String(allow_none=True, metadata={"example": "en"})
    time_zone = fields.String(allow_none=True, metadata={"example": "Europe/London"})
    email_notice = fields.Boolean(allow_none=True)
    sms_notice = fields.Boolean(allow_none=True)
    email_marketing = fields.Boolean(allow_none=True)
    sms_marketing = fields.Boolean(allow_none=True)
