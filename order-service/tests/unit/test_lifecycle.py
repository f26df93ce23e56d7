"""The whole matrix of the state machine, cell by cell."""

import pytest

from order_service.models.lifecycle import (
    COMMANDS,
    RULES,
    OrderEvent,
    OrderStatus,
    Outcome,
    Refunding,
)

# One row a state, one column an event. A name is the state that the order moves to; `note` stays
# with something to tell, `back` stays and gives the payment back, `-` is ignored, `x` refused.
MATRIX = """
event                pending    awaiting_payment  paid       shipped    delivered  rejected  cancelled  expired  refunded
stock_reserved       awaiting_payment  -          -          -          -          -         -          -        -
stock_rejected       rejected   -                 -          -          -          -         -          -        -
reservation_lost     -          -                 cancelled  -          -          -         -          -        -
reservation_expired  -          expired           -          -          -          -         -          -        -
stock_returned       -          -                 -          -          -          -         -          -        -
payment_succeeded    back       paid              back       back       back       back      back       back     back
payment_repeated     -          -                 -          -          -          -         -          -        -
payment_unusable     back       back              back       back       back       back      back       back     back
payment_failed       -          note              -          -          -          -         -          -        -
payment_refunded     note       note              note       note       note       note      note       note     note
refund_repeated      -          -                 -          -          -          -         -          -        -
fully_refunded       note       note              refunded   refunded   refunded   note      note       note     note
cancel               cancelled  cancelled         cancelled  x          x          x         x          x        x
expire               expired    expired           -          -          -          -         -          -        -
ship                 x          x                 shipped    x          x          x         x          x        x
deliver              x          x                 x          delivered  x          x         x          x        x
refund               x          x                 note       note       note       x         x          x        x
"""  # noqa: E501 - a matrix is read in columns.

ROWS = [line.split() for line in MATRIX.strip().splitlines()]
CELLS = [
    (status, row[0], cell)
    for row in ROWS[1:]
    for status, cell in zip(ROWS[0][1:], row[1:], strict=True)
]
STAYING = {"note": Outcome.NOTED, "back": Outcome.NOTED, "-": Outcome.IGNORED, "x": Outcome.REFUSED}


def test_the_matrix_names_every_state_and_event() -> None:
    assert set(ROWS[0][1:]) == {str(status) for status in OrderStatus}
    assert {row[0] for row in ROWS[1:]} == {str(event) for event in OrderEvent}
    assert len(RULES) == len(CELLS) == len(OrderStatus) * len(OrderEvent)


@pytest.mark.parametrize(("status", "event", "cell"), CELLS)
def test_each_event_does_in_each_state_what_the_matrix_says(
    status: str, event: str, cell: str
) -> None:
    rule = RULES[OrderStatus(status), OrderEvent(event)]

    assert rule.outcome is STAYING.get(cell, Outcome.MOVED)
    assert rule.to == (None if cell in STAYING else cell)
    assert (rule.refunds is Refunding.THIS_PAYMENT) is (cell == "back")


def test_every_move_but_the_last_refund_is_announced() -> None:
    announced = {
        (str(event), rule.announces)
        for (_, event), rule in RULES.items()
        if rule.outcome is Outcome.MOVED
    }

    assert announced == {
        ("stock_reserved", "order.awaiting_payment.v1"),
        ("stock_rejected", "order.rejected.v1"),
        ("reservation_lost", "order.cancelled.v1"),
        ("reservation_expired", "order.expired.v1"),
        ("payment_succeeded", "order.paid.v1"),
        ("fully_refunded", None),
        ("cancel", "order.cancelled.v1"),
        ("expire", "order.expired.v1"),
        ("ship", "order.shipped.v1"),
        ("deliver", "order.delivered.v1"),
    }


def test_only_the_end_of_a_paid_order_gives_its_money_back() -> None:
    giving = {key for key, rule in RULES.items() if rule.refunds is Refunding.REST_OF_ORDER}

    assert giving == {
        (OrderStatus.PAID, OrderEvent.CANCEL),
        (OrderStatus.PAID, OrderEvent.RESERVATION_LOST),
    }


def test_only_commands_are_ever_refused() -> None:
    refused = {event for (_, event), rule in RULES.items() if rule.outcome is Outcome.REFUSED}

    assert refused == COMMANDS
