from marshmallow import Schema, fields


class CheckSchema(Schema):
    """One invariant."""

    name = fields.String()
    ok = fields.Boolean()
    detail = fields.Dict()


class AuditSchema(Schema):
    """The invariants of the service, and what is under way."""

    checks = fields.List(fields.Nested(CheckSchema))
    counts = fields.Dict()
    outbox_pending = fields.Integer()
