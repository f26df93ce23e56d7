"""Postal addresses."""

from marshmallow import Schema, fields, validate

from chassis.schemas import Int, StrictSchema, Timestamp
from user_service.schemas.fields import Flag, Line, Phone

_COUNTRY = validate.Regexp(r"\A[A-Z]{2}\Z", error="Must be an ISO 3166-1 alpha-2 code such as GB.")


class AddressChangesSchema(StrictSchema):
    """What can be changed of an address; what is left out stays."""

    label = Line(max=50, allow_none=True, metadata={"example": "Home"})
    recipient = Line(min=1, max=200)
    line1 = Line(min=1, max=200)
    line2 = Line(max=200, allow_none=True)
    city = Line(min=1, max=100)
    region = Line(max=100, allow_none=True)
    postal_code = Line(min=1, max=20)
    country = Line(validate=_COUNTRY, metadata={"example": "GB"})
    phone = Phone(allow_none=True)
    is_default = Flag()


class NewAddressSchema(AddressChangesSchema):
    """A new address."""

    recipient = Line(required=True, min=1, max=200)
    line1 = Line(required=True, min=1, max=200)
    city = Line(required=True, min=1, max=100)
    postal_code = Line(required=True, min=1, max=20)
    country = Line(required=True, validate=_COUNTRY, metadata={"example": "GB"})


class AddressSchema(Schema):
    """A postal address of the caller."""

    id = fields.UUID()
    label = fields.String(allow_none=True)
    recipient = fields.String()
    line1 = fields.String()
    line2 = fields.String(allow_none=True)
    city = fields.String()
    region = fields.String(allow_none=True)
    postal_code = fields.String()
    country = fields.String()
    phone = fields.String(allow_none=True)
    is_default = fields.Boolean()
    version = Int()
    created_at = Timestamp()
    updated_at = Timestamp()
