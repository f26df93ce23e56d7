"""What the demo service takes and gives."""

from marshmallow import fields

from chassis.pagination import ListQuery
from chassis.schemas import Int, MoneySchema, Str, StrictSchema, Timestamp


class NewWidgetSchema(StrictSchema):
    """A widget to make."""

    name = Str(required=True, min=1, max=50, metadata={"example": "Left-handed sprocket"})
    quantity = Int(min=0, load_default=0)
    note = Str(allow_none=True, max=200, metadata={"example": None})
    price = fields.Nested(MoneySchema)
    tags = fields.List(Str(max=20, metadata={"example": "brass"}))
    due_at = Timestamp()
    settings = fields.Dict(keys=fields.String(), values=fields.Raw())


class WidgetPatchSchema(StrictSchema):
    """A change of a widget."""

    name = Str(min=1, max=50)


class WidgetSchema(StrictSchema):
    """A widget."""

    id = fields.UUID()
    name = fields.String(metadata={"example": "Left-handed sprocket"})
    quantity = fields.Integer()
    status = fields.String(metadata={"example": "pending"})
    version = fields.Integer()
    created_at = Timestamp()


class WidgetQuery(ListQuery):
    """Filters of the list of widgets."""

    min_quantity = Int(min=0, from_text=True)
    name = Str(max=50)


class EchoSchema(StrictSchema):
    """Anything, as it arrived."""

    value = fields.Raw(allow_none=True)
