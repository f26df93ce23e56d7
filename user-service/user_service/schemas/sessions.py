"""Logging in and what comes of it."""

from marshmallow import Schema, fields

from chassis.schemas import Int, Str, StrictSchema
from user_service.models.emails import MAX_LENGTH as MAX_EMAIL_LENGTH
from user_service.models.password_policy import MAX_LENGTH as MAX_PASSWORD_LENGTH
from user_service.schemas.fields import Secret

_MAX_TOKEN_LENGTH = 256
_REFRESH_TOKEN = {"example": "Kq0m1v2Yx3Zt4Rw5Ps6Nn7Lj8Hg9"}


class LoginSchema(StrictSchema):
    """Who logs in."""

    email = Str(required=True, min=1, max=MAX_EMAIL_LENGTH, metadata={"example": "ada@example.com"})
    password = Secret(
        required=True, max=MAX_PASSWORD_LENGTH, metadata={"example": "correct horse battery"}
    )


class RefreshSchema(StrictSchema):
    """The refresh token of the last answer."""

    refresh_token = Secret(required=True, max=_MAX_TOKEN_LENGTH, metadata=_REFRESH_TOKEN)


class LogoutSchema(StrictSchema):
    """Optionally, a refresh token whose session ends too."""

    refresh_token = Secret(load_default=None, allow_none=True, max=_MAX_TOKEN_LENGTH)


class TokenPairSchema(Schema):
    """An access token for the header `Authorization: Bearer`, and what renews it once."""

    access_token = fields.String(
        metadata={"example": "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIwMTk4In0.c2lnbmF0dXJl"}
    )
    refresh_token = fields.String(metadata=_REFRESH_TOKEN)
    token_type = fields.String(metadata={"example": "Bearer"})
    expires_in = Int(
        metadata={"description": "Seconds that the access token lives", "example": 900}
    )
