"""Templates as staff sees them."""

from marshmallow import Schema, fields, validate

from chassis.schemas import StrictSchema, one_of
from notification_service.models.messages import Category
from notification_service.models.receivers import Channel
from notification_service.templates.registry import LOCALES


class VariableSchema(Schema):
    """A place in a template."""

    name = fields.String(metadata={"example": "subject"})
    max = fields.Integer(metadata={"example": 150, "description": "Characters"})
    pattern = fields.String(metadata={"example": ""})
    secret = fields.Boolean()
    optional = fields.Boolean()
    example = fields.String(metadata={"example": "Your report is ready"})


class TemplateSchema(Schema):
    """A template, without its texts: the preview shows them."""

    key = fields.String(metadata={"example": "notice"})
    version = fields.Integer()
    category = fields.String(validate=one_of(Category), metadata={"example": "notice"})
    description = fields.String(metadata={"example": "Tells that a job is done."})
    channels = fields.List(fields.String(validate=one_of(Channel)))
    locales = fields.List(fields.String(metadata={"example": "en"}))
    providers = fields.List(fields.String(metadata={"example": "aliyun"}), metadata={"example": []})
    variables = fields.List(fields.Nested(VariableSchema))


class PreviewInSchema(StrictSchema):
    """What to write out; values that are left out are the variables' examples."""

    channel = fields.String(required=True, validate=one_of(Channel))
    locale = fields.String(
        validate=validate.OneOf(LOCALES), load_default=None, metadata={"example": "en"}
    )
    params = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        load_default=dict,
        metadata={"example": {"subject": "Your report is ready"}},
    )


class PreviewSchema(Schema):
    """A template written out. segments: of an SMS outside China, and within."""

    text = fields.String(
        metadata={"example": "Platform: Your report is ready. It took 12 minutes."}
    )
    subject = fields.String(allow_none=True, metadata={"example": None})
    html = fields.String(allow_none=True, metadata={"example": None})
    segments = fields.Integer(allow_none=True, metadata={"example": 1})
    segments_in_china = fields.Integer(allow_none=True, metadata={"example": 1})
