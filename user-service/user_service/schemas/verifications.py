"""Codes and tokens: asking for them and giving them back."""

from marshmallow import Schema, fields, validate

from chassis.schemas import Str, StrictSchema, Timestamp
from user_service.models.emails import MAX_LENGTH as MAX_EMAIL_LENGTH
from user_service.models.password_policy import MAX_LENGTH as MAX_PASSWORD_LENGTH
from user_service.schemas.fields import Mobile, Secret

_VERIFICATION_ID = {
    "description": "Of the answer to the request; the code is good together with it only",
    "example": "0198c5b2-6f3e-7c41-9a57-2d1f0b8e4c63",
}
_EMAIL = {"example": "ada@example.com"}
_MAX_TOKEN_LENGTH = 256


class CodeRequestSchema(StrictSchema):
    """Nothing: the account says where the code goes."""


class LoginCodeRequestSchema(StrictSchema):
    """The verified phone number of an account."""

    phone = Mobile(
        required=True,
        metadata={"description": "A mobile number with country code", "example": "+447400123456"},
    )


class PasswordResetRequestSchema(StrictSchema):
    """The e-mail address of an account."""

    email = Str(required=True, min=3, max=MAX_EMAIL_LENGTH, metadata=_EMAIL)


class CodeSchema(StrictSchema):
    """A code, and what it answers."""

    verification_id = fields.UUID(required=True, metadata=_VERIFICATION_ID)
    code = Str(
        required=True,
        validate=validate.Regexp(r"\A[0-9]{6}\Z", error="Must be six digits."),
        metadata={"description": "As it came by SMS or mail", "example": "493027"},
    )


class PasswordResetSchema(StrictSchema):
    """The token of the mail, and the new password."""

    token = Secret(
        required=True,
        max=_MAX_TOKEN_LENGTH,
        metadata={"description": "As it came by mail", "example": "mJ0p8v3nTq6xYw2Zb4Lr9A"},
    )
    new_password = Secret(
        required=True, max=MAX_PASSWORD_LENGTH, metadata={"example": "staple of the horse"}
    )


class EmailChangeSchema(StrictSchema):
    """The new address, and the current password as a proof."""

    email = Str(required=True, min=3, max=MAX_EMAIL_LENGTH, metadata=_EMAIL)
    current_password = Secret(
        required=True, max=MAX_PASSWORD_LENGTH, metadata={"example": "correct horse battery"}
    )


class SentCodeSchema(Schema):
    """What was asked for is on its way, if the receiver has an account."""

    verification_id = fields.UUID(
        metadata={**_VERIFICATION_ID, "description": "Goes back with the code"}
    )
    expires_at = Timestamp(metadata={"description": "The code or token is not taken after that"})
    resend_at = Timestamp(metadata={"description": "Another one is refused (429) before that"})
