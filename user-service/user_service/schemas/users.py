"""Accounts."""

from typing import Any

from marshmallow import Schema, fields

from chassis.pagination import PageQuery
from chassis.schemas import Int, Str, StrictSchema, Timestamp, one_of
from user_service.models.emails import MAX_LENGTH as MAX_EMAIL_LENGTH
from user_service.models.password_policy import MAX_LENGTH as MAX_PASSWORD_LENGTH
from user_service.models.users import Locale, Role, UserStatus
from user_service.schemas.fields import Line, Mobile, Secret

_ROLES = one_of(Role)
_STATUSES = one_of(UserStatus)
_PHONE = {"description": "A mobile number in E.164", "example": "+447400123456"}
_LOCALE = {"description": "Language of mails and messages (BCP 47)"}


class RegistrationSchema(StrictSchema):
    """What a new account is made of."""

    email = Str(required=True, min=3, max=MAX_EMAIL_LENGTH, metadata={"example": "ada@example.com"})
    password = Secret(
        required=True, max=MAX_PASSWORD_LENGTH, metadata={"example": "correct horse battery"}
    )
    name = Line(required=True, min=1, max=200, metadata={"example": "Ada Lovelace"})
    phone = Mobile(load_default=None, allow_none=True, metadata=_PHONE)
    locale = Str(load_default=Locale.EN.value, validate=one_of(Locale), metadata=_LOCALE)


class ProfileChangesSchema(StrictSchema):
    """What owners may change of their account; the e-mail address needs the password besides."""

    name = Line(min=1, max=200, metadata={"example": "Ada King"})
    phone = Mobile(allow_none=True, metadata=_PHONE)
    locale = Str(validate=one_of(Locale), metadata=_LOCALE)


class PasswordChangeSchema(StrictSchema):
    """The current password, as a proof, and the new one."""

    current_password = Secret(
        required=True, max=MAX_PASSWORD_LENGTH, metadata={"example": "correct horse battery"}
    )
    new_password = Secret(
        required=True, max=MAX_PASSWORD_LENGTH, metadata={"example": "staple of the horse"}
    )


class RoleChangeSchema(StrictSchema):
    """The role that an account is to have."""

    role = Str(required=True, validate=_ROLES)


class UserQuery(PageQuery):
    """Filters of the list of accounts."""

    search = Str(min=1, max=200, metadata={"description": "Part of the name or e-mail address"})
    role = Str(validate=_ROLES)
    status = Str(validate=_STATUSES)


class UserSchema(Schema):
    """An account."""

    id = fields.UUID()
    email = fields.String(metadata={"example": "ada@example.com"})
    name = fields.String(metadata={"example": "Ada Lovelace"})
    phone = fields.String(allow_none=True, metadata=_PHONE)
    email_verified = fields.Boolean(
        metadata={"description": "The owner has shown to read mail there"}
    )
    phone_verified = fields.Boolean(
        metadata={"description": "The owner has shown to read messages there"}
    )
    locale = fields.String(validate=one_of(Locale), metadata=_LOCALE)
    role = fields.String(validate=_ROLES)
    status = fields.String(validate=_STATUSES)
    version = Int()
    created_at = Timestamp()
    updated_at = Timestamp()


class NewAccountSchema(UserSchema):
    """A new account, and what goes back with the code that was mailed to its owner."""

    verification_id = fields.UUID(
        allow_none=True,
        metadata={"description": "Null where the address got a code a moment before"},
    )

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        """Take the account's members from the account."""
        return super().get_attribute(obj if attr == "verification_id" else obj.user, attr, default)
