"""Signing keys, without anything secret."""

from marshmallow import Schema, fields

from chassis.schemas import Timestamp


class SigningKeySchema(Schema):
    """A signing key and when it signs."""

    kid = fields.String(metadata={"example": "2026-03-02-a1b2c3"})
    activates_at = Timestamp()
    retires_at = Timestamp(allow_none=True)
