from marshmallow import Schema, fields, validate

from chassis.pagination import PageQuery
from chassis.schemas import Int, Str, StrictSchema, Timestamp, one_of
from payment_service.models.lifecycle import PaymentStatus
from payment_service.models.operations import OperationKind
from payment_service.models.payments import CaptureMethod

_TOKEN = validate.Regexp(
    r"\Atok_[A-Za-z0-9_]{1,64}\Z",
    error="Must be a token of the payment provider, such as tok_success.",
)


class NewPaymentSchema(StrictSchema):
    """What to pay and with which means; the amount is the order's."""

    order_id = fields.UUID(required=True)
    # Tokens only: a card number must not even get into a validation message or the database.
    source = Str(required=True, max=70, validate=_TOKEN, metadata={"example": "tok_success"})
    capture_method = fields.String(
        load_default=CaptureMethod.AUTOMATIC.value,
        validate=one_of(CaptureMethod),
    )


class CaptureSchema(StrictSchema):
    """How much of the authorization to take: minor units, all of it when left out."""

    amount = Int(min=1, load_default=None, allow_none=True, metadata={"example": 5300})


class NoBodySchema(StrictSchema):
    """Nothing to say beyond the address."""


class PaymentQuery(PageQuery):
    """Filters of the list."""

    order_id = fields.UUID()
    status = fields.String(validate=one_of(PaymentStatus))


class FailureSchema(Schema):
    """Why a payment failed."""

    code = fields.String(metadata={"example": "card_declined"})
    message = fields.String(metadata={"example": "The card was declined"})


class NextActionSchema(Schema):
    """What the customer has to do."""

    type = fields.String(metadata={"example": "redirect"})
    url = fields.String(metadata={"example": "https://provider.example/act/4711"})


class AttemptSchema(Schema):
    """A call to the provider and what came of it."""

    id = fields.UUID()
    kind = fields.String(validate=one_of(OperationKind))
    outcome = fields.String(metadata={"example": "approved"})
    code = fields.String(allow_none=True, metadata={"example": None})
    created_at = Timestamp()


class PaymentSchema(Schema):
    """A payment; amounts are minor units of `currency`."""

    id = fields.UUID()
    order_id = fields.UUID()
    customer_id = fields.UUID()
    amount = fields.Integer(metadata={"example": 5300})
    currency = fields.String(metadata={"example": "GBP"})
    status = fields.String(validate=one_of(PaymentStatus), metadata={"example": "succeeded"})
    capture_method = fields.String(validate=one_of(CaptureMethod))
    captured_amount = fields.Integer(metadata={"example": 5300})
    refunded_amount = fields.Integer(metadata={"example": 0})
    failure = fields.Nested(FailureSchema, allow_none=True, metadata={"example": None})
    next_action = fields.Nested(NextActionSchema, allow_none=True, metadata={"example": None})
    attempts = fields.List(fields.Nested(AttemptSchema))
    created_at = Timestamp()
    updated_at = Timestamp()
    version = fields.Integer()
