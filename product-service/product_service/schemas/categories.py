"""Categories as clients send and see them."""

from marshmallow import fields, validate

from chassis.schemas import Int, Str, StrictSchema, Timestamp

SLUG = validate.Regexp(
    r"\A[a-z0-9]+(-[a-z0-9]+)*\Z", error="Must be lower-case letters, digits and single hyphens."
)


class NewCategorySchema(StrictSchema):
    """A category to create; without `parent_id` at the root."""

    name = Str(required=True, min=1, max=100, metadata={"example": "Tea cups"})
    slug = Str(required=True, min=1, max=100, validate=SLUG, metadata={"example": "tea-cups"})
    parent_id = fields.UUID(load_default=None, allow_none=True)


class CategoryChangeSchema(StrictSchema):
    """What changes of a category; what is left out stays."""

    name = Str(min=1, max=100, metadata={"example": "Tea cups"})
    slug = Str(min=1, max=100, validate=SLUG, metadata={"example": "tea-cups"})
    parent_id = fields.UUID(allow_none=True)


class CategorySchema(StrictSchema):
    """A category."""

    id = fields.UUID(required=True)
    name = fields.String(required=True, metadata={"example": "Tea cups"})
    slug = fields.String(required=True, metadata={"example": "tea-cups"})
    parent_id = fields.UUID(required=True, allow_none=True, metadata={"example": None})
    version = Int(required=True)
    created_at = Timestamp(required=True)
    updated_at = Timestamp(required=True)


class CategoryNodeSchema(CategorySchema):
    """A category with what hangs below it."""

    children = fields.List(fields.Nested(lambda: CategoryNodeSchema()), required=True)
