"""The answer of an audit."""

from marshmallow import fields

from chassis.schemas import Int, StrictSchema


class CheckSchema(StrictSchema):
    """One invariant, and where it is broken."""

    name = fields.String(required=True, metadata={"example": "stock_equals_ledger"})
    ok = fields.Boolean(required=True, metadata={"example": True})
    detail = fields.Dict(required=True)


class AuditSchema(StrictSchema):
    """All invariants, and totals in units and rows."""

    checks = fields.List(fields.Nested(CheckSchema), required=True)
    counts = fields.Dict(keys=fields.String(), values=Int(), required=True)
    outbox_pending = Int(required=True)
