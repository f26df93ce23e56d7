"""Messages as they are submitted and seen."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields, validate

from chassis.pagination import PageQuery
from chassis.schemas import Int, Str, StrictSchema, Timestamp, one_of
from notification_service.models.lifecycle import MessageState
from notification_service.models.messages import AttemptState, Category
from notification_service.models.receivers import Channel
from notification_service.templates.registry import LOCALES

MOST_RECEIVERS = 500
_ONE = {"type": "string", "minLength": 1, "maxLength": 254}
_SEVERAL = {
    "type": "array",
    "items": _ONE,
    "minItems": 1,
    "maxItems": MOST_RECEIVERS,
}


class Receivers(fields.Field[list[str]]):
    """Receivers in one text with commas, or as a list; each once, in their order."""

    default_error_messages = {
        "type": "Must be text with commas, or a list of text.",
        "none": "Must name a receiver.",
        "many": f"Must not be more than {MOST_RECEIVERS}.",
    }

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> list[str]:
        parts = value.split(",") if isinstance(value, str) else value
        if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
            raise self.make_error("type")
        receivers = list(dict.fromkeys(part.strip() for part in parts if part.strip()))
        if not receivers:
            raise self.make_error("none")
        if len(receivers) > MOST_RECEIVERS:
            raise self.make_error("many")
        return receivers


def _receivers(example: str) -> Receivers:
    text = {"type": "string", "minLength": 1}
    described = "Separated by commas, or a list"
    return Receivers(
        required=True,
        metadata={"anyOf": [text, _SEVERAL], "description": described, "example": example},
    )


class SubmissionSchema(StrictSchema):
    """What to send; `params` are the values of the template's variables."""

    template = Str(required=True, min=1, max=60, metadata={"example": "notice"})
    params = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        load_default=dict,
        metadata={"example": {"subject": "Your report is ready", "text": "It took 12 minutes."}},
    )
    locale = fields.String(
        validate=validate.OneOf(LOCALES), load_default=None, metadata={"example": "en"}
    )
    expires_in = Int(
        min=60,
        max=604_800,
        load_default=None,
        metadata={"description": "Seconds after which it is not sent any more", "example": 3600},
    )


class SmsSchema(SubmissionSchema):
    """An SMS to mobile numbers in E.164."""

    receivers = _receivers("+447400123456,+8613812345678")


class EmailSchema(SubmissionSchema):
    """A mail to addresses."""

    receivers = _receivers("mei@example.com")


class MessageQuery(PageQuery):
    """Filters of the list."""

    state = fields.String(validate=one_of(MessageState))
    channel = fields.String(validate=one_of(Channel))
    category = fields.String(validate=one_of(Category))
    template = Str(max=60)
    receiver = Str(max=254)
    submission_id = fields.UUID()
    user_id = fields.UUID()
    created_from = Timestamp()
    created_to = Timestamp()


class FailureSchema(Schema):
    """Why a message did not arrive. `kind` is ours, `code` the provider's where it has one."""

    kind = fields.String(metadata={"example": "invalid_recipient"})
    code = fields.String(metadata={"example": "isv.MOBILE_NUMBER_ILLEGAL"})


class MessageSchema(Schema):
    """A message to one receiver; what it says is not shown."""

    id = fields.UUID()
    submission_id = fields.UUID()
    channel = fields.String(validate=one_of(Channel))
    receiver = fields.String(metadata={"example": "+447400123456"})
    user_id = fields.UUID(allow_none=True)
    category = fields.String(validate=one_of(Category), metadata={"example": "notice"})
    template = fields.String(metadata={"example": "notice"})
    locale = fields.String(metadata={"example": "en"})
    state = fields.String(validate=one_of(MessageState), metadata={"example": "sent"})
    failure = fields.Nested(FailureSchema, allow_none=True, metadata={"example": None})
    provider = fields.String(allow_none=True, metadata={"example": "console"})
    segments = fields.Integer(allow_none=True, metadata={"example": 1})
    tries = fields.Integer(metadata={"example": 1})
    due_at = Timestamp(allow_none=True)
    expires_at = Timestamp()
    sent_at = Timestamp(allow_none=True)
    settled_at = Timestamp(allow_none=True)
    created_at = Timestamp()


class AttemptSchema(Schema):
    """A call to a provider and what came of it."""

    id = fields.UUID()
    provider = fields.String(metadata={"example": "console"})
    state = fields.String(validate=one_of(AttemptState), metadata={"example": "accepted"})
    kind = fields.String(allow_none=True, metadata={"example": None})
    code = fields.String(allow_none=True, metadata={"example": None})
    created_at = Timestamp()
    ended_at = Timestamp(allow_none=True)


class MessageDetailSchema(MessageSchema):
    """A message with its attempts."""

    attempts = fields.List(fields.Nested(AttemptSchema))
