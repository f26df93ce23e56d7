"""The states of a payment: one table, and nothing moves outside it."""

from enum import StrEnum

from payment_service.models.errors import IllegalMove


class PaymentStatus(StrEnum):
    # An operation at the provider is due or under way.
    PROCESSING = "processing"
    # The customer has to do something, such as to confirm at the bank.
    REQUIRES_ACTION = "requires_action"
    AUTHORIZED = "authorized"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    # The provider did not answer: only a lookup may tell what has happened.
    UNKNOWN = "unknown"


class PaymentEvent(StrEnum):
    ACTION_NEEDED = "action_needed"
    CONFIRM = "confirm"
    AUTHORIZED = "authorized"
    CAPTURE = "capture"
    CAPTURED = "captured"
    VOID = "void"
    VOIDED = "voided"
    FAILED = "failed"
    LOST = "lost"
    REVERTED = "reverted"


_S, _E = PaymentStatus, PaymentEvent

# What the provider's answer does is the same whether it came at once or by a lookup.
_ANSWERED: dict[PaymentEvent, PaymentStatus] = {
    _E.ACTION_NEEDED: _S.REQUIRES_ACTION,
    _E.AUTHORIZED: _S.AUTHORIZED,
    _E.CAPTURED: _S.SUCCEEDED,
    _E.VOIDED: _S.CANCELED,
    _E.FAILED: _S.FAILED,
    _E.LOST: _S.UNKNOWN,
    # A capture or void that certainly did not happen: the authorization still stands.
    _E.REVERTED: _S.AUTHORIZED,
}

TRANSITIONS: dict[PaymentStatus, dict[PaymentEvent, PaymentStatus]] = {
    _S.PROCESSING: _ANSWERED,
    _S.UNKNOWN: _ANSWERED,
    _S.REQUIRES_ACTION: {
        _E.CONFIRM: _S.PROCESSING,
        _E.VOIDED: _S.CANCELED,
        _E.FAILED: _S.FAILED,
    },
    _S.AUTHORIZED: {_E.CAPTURE: _S.PROCESSING, _E.VOID: _S.PROCESSING},
    _S.SUCCEEDED: {},
    _S.FAILED: {},
    _S.CANCELED: {},
}

# An order has at most one payment in these states: money was taken, or may yet be.
ACTIVE = tuple(status for status in PaymentStatus if status not in (_S.FAILED, _S.CANCELED))


def next_status(status: PaymentStatus, event: PaymentEvent) -> PaymentStatus:
    """Return where `event` leads from `status`; raises IllegalMove where it leads nowhere."""
    try:
        return TRANSITIONS[status][event]
    except KeyError:
        raise IllegalMove(f"A payment in state {status.value} does not allow this") from None
