from marshmallow import Schema, fields


class CheckSchema(Schema):
    name = fields.String(metadata={"example": "timelines_match_states"})
    ok = fields.Boolean(metadata={"example": True})
    detail = fields.Dict()


class AuditSchema(Schema):
    """Whether the invariants hold, and what there is. Amounts are minor units by currency."""

    checks = fields.List(fields.Nested(CheckSchema))
    counts = fields.Dict(keys=fields.String(), values=fields.Integer())
    sums = fields.Dict()
    outbox_pending = fields.Integer()
