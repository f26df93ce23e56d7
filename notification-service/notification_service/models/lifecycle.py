"""The states of a message: one table, and nothing moves outside it."""

from enum import StrEnum

from notification_service.models.errors import IllegalMove


class MessageState(StrEnum):
    QUEUED = "queued"
    # A worker has it until `due_at`; what is there later died with its worker.
    SENDING = "sending"
    # The provider took it.
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    EXPIRED = "expired"
    # No answer came back: only the provider can tell what has happened.
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"


_S = MessageState

# What a provider says of a message only leads on: a receipt that is late or comes twice changes
# nothing. `delivered` corrects a failure, because some providers report a first try that failed.
TRANSITIONS: dict[MessageState, frozenset[MessageState]] = {
    _S.QUEUED: frozenset({_S.SENDING, _S.FAILED, _S.EXPIRED, _S.CANCELLED}),
    _S.SENDING: frozenset({_S.QUEUED, _S.SENT, _S.DELIVERED, _S.FAILED, _S.EXPIRED, _S.UNKNOWN}),
    _S.UNKNOWN: frozenset({_S.QUEUED, _S.SENT, _S.DELIVERED, _S.FAILED, _S.EXPIRED}),
    _S.SENT: frozenset({_S.DELIVERED, _S.FAILED, _S.EXPIRED}),
    _S.FAILED: frozenset({_S.DELIVERED}),
    _S.EXPIRED: frozenset({_S.DELIVERED}),
    _S.DELIVERED: frozenset(),
    _S.CANCELLED: frozenset(),
}

# Nothing will be done any more unless somebody asks for it.
AT_REST = (_S.DELIVERED, _S.FAILED, _S.EXPIRED, _S.CANCELLED)


def may_move(state: MessageState, to: MessageState) -> bool:
    """Tell whether `to` follows `state`."""
    return to in TRANSITIONS[state]


def next_state(state: MessageState, to: MessageState) -> MessageState:
    """Return `to`; raises IllegalMove where it does not follow `state`."""
    if not may_move(state, to):
        raise IllegalMove(f"A message in state {state.value} does not allow this")
    return to
