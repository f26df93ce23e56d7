"""What can go wrong with payments, with the HTTP meaning of each."""

from chassis.exceptions import BadRequest, Conflict, NotFound, Unprocessable


class PaymentNotFound(NotFound):
    """There is no such payment."""

    code = "payments.not_found"


class OrderNotPayable(Conflict):
    """This order cannot be paid, or not yet: if it was placed just now, try again shortly."""

    code = "payments.order_not_payable"


class PaymentExists(Conflict):
    """The order has a payment already that succeeded or is under way."""

    code = "payments.payment_exists"


class IllegalMove(Conflict):
    """The payment's state does not allow this."""

    code = "payments.illegal_move"


class CaptureExceedsAuthorized(Unprocessable):
    """The amount is larger than what was authorized."""

    code = "payments.capture_exceeds_authorized"


class RefundExceedsCaptured(Unprocessable):
    """The amount is larger than what is left of the captured money."""

    code = "payments.refund_exceeds_captured"


class SignatureInvalid(BadRequest):
    """The webhook's signature is not valid."""

    code = "payments.signature_invalid"


class WebhookStale(BadRequest):
    """The webhook's time is too far from now."""

    code = "payments.webhook_stale"
