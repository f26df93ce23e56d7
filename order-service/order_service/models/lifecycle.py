"""The order's state machine: one table that defines every (state x event).

Nothing else in this service decides whether an order may move; whoever wants a move names an event
and gets the rule back. Late or unexpected messages are recorded and ignored, never raised: a raised
one would be redelivered until it lands in the dead letters, where it helps nobody.
"""

from dataclasses import dataclass
from enum import StrEnum
from itertools import product


class OrderStatus(StrEnum):
    PENDING = "pending"
    AWAITING_PAYMENT = "awaiting_payment"
    PAID = "paid"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REFUNDED = "refunded"


class OrderEvent(StrEnum):
    # What product-service answered.
    STOCK_RESERVED = "stock_reserved"
    STOCK_REJECTED = "stock_rejected"
    RESERVATION_LOST = "reservation_lost"
    RESERVATION_EXPIRED = "reservation_expired"
    STOCK_RETURNED = "stock_returned"
    # What payment-service reported.
    PAYMENT_SUCCEEDED = "payment_succeeded"
    PAYMENT_REPEATED = "payment_repeated"
    PAYMENT_UNUSABLE = "payment_unusable"
    PAYMENT_FAILED = "payment_failed"
    PAYMENT_REFUNDED = "payment_refunded"
    REFUND_REPEATED = "refund_repeated"
    FULLY_REFUNDED = "fully_refunded"
    # What people and the clock want.
    CANCEL = "cancel"
    EXPIRE = "expire"
    SHIP = "ship"
    DELIVER = "deliver"
    REFUND = "refund"


# Somebody waits for the answer to these, so an impossible one is refused instead of ignored.
COMMANDS = frozenset({OrderEvent.CANCEL, OrderEvent.SHIP, OrderEvent.DELIVER, OrderEvent.REFUND})

UNPAID = frozenset({OrderStatus.PENDING, OrderStatus.AWAITING_PAYMENT})
# The customer's money belongs to the order: it was delivered, is on its way, or was given back.
SETTLED = frozenset(
    {OrderStatus.PAID, OrderStatus.SHIPPED, OrderStatus.DELIVERED, OrderStatus.REFUNDED}
)
# The order is dead: whatever was or will be paid for it goes back.
DEAD = frozenset({OrderStatus.REJECTED, OrderStatus.CANCELLED, OrderStatus.EXPIRED})


class Outcome(StrEnum):
    MOVED = "moved"
    NOTED = "noted"
    IGNORED = "ignored"
    REFUSED = "refused"


class Refunding(StrEnum):
    NOTHING = "nothing"
    REST_OF_ORDER = "rest_of_order"
    THIS_PAYMENT = "this_payment"


@dataclass(frozen=True)
class Rule:
    """What one event does in one state.

    to: the new state, None where the order stays. announces: type of the event to publish.
    refunds: which money has to go back because of it.
    """

    outcome: Outcome
    to: OrderStatus | None = None
    announces: str | None = None
    refunds: Refunding = Refunding.NOTHING


def _move(
    to: OrderStatus, announces: str | None = None, refunds: Refunding = Refunding.NOTHING
) -> Rule:
    return Rule(Outcome.MOVED, to, announces, refunds)


IGNORE = Rule(Outcome.IGNORED)
REFUSE = Rule(Outcome.REFUSED)
NOTE = Rule(Outcome.NOTED)
GIVE_BACK = Rule(Outcome.NOTED, refunds=Refunding.THIS_PAYMENT)

_S, _E = OrderStatus, OrderEvent
_CANCELLED = _move(_S.CANCELLED, "order.cancelled.v1")
_CANCELLED_PAID = _move(_S.CANCELLED, "order.cancelled.v1", Refunding.REST_OF_ORDER)
_EXPIRED = _move(_S.EXPIRED, "order.expired.v1")
_REFUNDED = _move(_S.REFUNDED)

# The moves. Any payment that the order did not wait for goes back, in every state: money that
# nobody accounts for is worse than a needless refund.
_MOVES: dict[tuple[OrderStatus, OrderEvent], Rule] = {
    (_S.PENDING, _E.STOCK_RESERVED): _move(_S.AWAITING_PAYMENT, "order.awaiting_payment.v1"),
    (_S.PENDING, _E.STOCK_REJECTED): _move(_S.REJECTED, "order.rejected.v1"),
    (_S.PENDING, _E.CANCEL): _CANCELLED,
    (_S.PENDING, _E.EXPIRE): _EXPIRED,
    (_S.AWAITING_PAYMENT, _E.PAYMENT_SUCCEEDED): _move(_S.PAID, "order.paid.v1"),
    (_S.AWAITING_PAYMENT, _E.PAYMENT_FAILED): NOTE,
    (_S.AWAITING_PAYMENT, _E.RESERVATION_EXPIRED): _EXPIRED,
    (_S.AWAITING_PAYMENT, _E.CANCEL): _CANCELLED,
    (_S.AWAITING_PAYMENT, _E.EXPIRE): _EXPIRED,
    (_S.PAID, _E.CANCEL): _CANCELLED_PAID,
    (_S.PAID, _E.RESERVATION_LOST): _CANCELLED_PAID,
    (_S.PAID, _E.SHIP): _move(_S.SHIPPED, "order.shipped.v1"),
    (_S.PAID, _E.REFUND): NOTE,
    (_S.PAID, _E.FULLY_REFUNDED): _REFUNDED,
    (_S.SHIPPED, _E.DELIVER): _move(_S.DELIVERED, "order.delivered.v1"),
    (_S.SHIPPED, _E.REFUND): NOTE,
    (_S.SHIPPED, _E.FULLY_REFUNDED): _REFUNDED,
    (_S.DELIVERED, _E.REFUND): NOTE,
    (_S.DELIVERED, _E.FULLY_REFUNDED): _REFUNDED,
}


def _elsewhere(event: OrderEvent) -> Rule:
    """Return the rule of an event in the states that do not wait for it."""
    if event in COMMANDS:
        return REFUSE
    if event in (_E.PAYMENT_SUCCEEDED, _E.PAYMENT_UNUSABLE):
        return GIVE_BACK
    # A refund's end changes sums, not the state.
    return NOTE if event in (_E.PAYMENT_REFUNDED, _E.FULLY_REFUNDED) else IGNORE


RULES: dict[tuple[OrderStatus, OrderEvent], Rule] = {
    (status, event): _MOVES.get((status, event), _elsewhere(event))
    for status, event in product(OrderStatus, OrderEvent)
}
