from marshmallow import Schema, fields


class CheckSchema(Schema):
    """One invariant."""

    name = fields.String(metadata={"example": "nothing_waits_too_long"})
    ok = fields.Boolean(metadata={"example": True})
    detail = fields.Dict()


class AuditSchema(Schema):
    """The invariants of the service, and what is under way."""

    checks = fields.List(fields.Nested(CheckSchema))
    counts = fields.Dict()
    outbox_pending = fields.Integer()
