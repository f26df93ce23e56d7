"""Postal addresses."""

from marshmallow import Schema, fields, validate

from chassis.schemas import Int, StrictSchema, Timestamp
from user_service.schemas.fields import Flag, Line, Phone

_COUNTRY = validate.Regexp(r"\A[A-Z]{2}\Z", error="Must be an ISO 3166-1 alpha-2 code such as GB.")

_RECIPIENT = {"example": "Ada Lovelace"}
_LINE1 = {"example": "12 St James's Square"}
_CITY = {"example": "London"}
_POSTAL_CODE = {"example": "SW1Y 4JH"}


class AddressChangesSchema(StrictSchema):
    """What can be changed of an address; what is left out stays."""

    label = Line(max=50, allow_none=True, metadata={"example": "Home"})
    recipient = Line(min=1, max=200, metadata=_RECIPIENT)
    line1 = Line(min=1, max=200, metadata=_LINE1)
    line2 = Line(max=200, allow_none=True, metadata={"example": None})
    city = Line(min=1, max=100, metadata=_CITY)
    region = Line(max=100, allow_none=True, metadata={"example": None})
    postal_code = Line(min=1, max=20, metadata=_POSTAL_CODE)
    country = Line(validate=_COUNTRY, metadata={"example": "GB"})
    phone = Phone(allow_none=True, metadata={"example": "+442079460018"})
    is_default = Flag()


class NewAddressSchema(AddressChangesSchema):
    """A new address."""

    recipient = Line(required=True, min=1, max=200, metadata=_RECIPIENT)
    line1 = Line(required=True, min=1, max=200, metadata=_LINE1)
    city = Line(required=True, min=1, max=100, metadata=_CITY)
    postal_code = Line(required=True, min=1, max=20, metadata=_POSTAL_CODE)
    country = Line(required=True, validate=_COUNTRY, metadata={"example": "GB"})


class AddressSchema(Schema):
    """A postal address of the caller."""

    id = fields.UUID()
    label = fields.String(allow_none=True, metadata={"example": "Home"})
    recipient = fields.String(metadata=_RECIPIENT)
    line1 = fields.String(metadata=_LINE1)
    line2 = fields.String(allow_none=True, metadata={"example": None})
    city = fields.String(metadata=_CITY)
    region = fields.String(allow_none=True, metadata={"example": None})
    postal_code = fields.String(metadata=_POSTAL_CODE)
    country = fields.String(metadata={"example": "GB"})
    phone = fields.String(allow_none=True, metadata={"example": "+442079460018"})
    is_default = fields.Boolean()
    version = Int()
    created_at = Timestamp()
    updated_at = Timestamp()
