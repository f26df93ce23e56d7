"""The invariants of the service."""

from marshmallow import Schema, fields

from chassis.schemas import Int


class CheckSchema(Schema):
    """One invariant."""

    name = fields.String(metadata={"example": "one_active_admin_at_least"})
    ok = fields.Boolean(metadata={"example": True})
    detail = fields.Dict()


class AuditSchema(Schema):
    """All invariants, and how much there is of what."""

    checks = fields.List(fields.Nested(CheckSchema))
    counts = fields.Dict(keys=fields.String(), values=fields.Integer())
    outbox_pending = Int()
