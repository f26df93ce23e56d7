"""The state table of a payment, pair by pair."""

import pytest

from payment_service.models.errors import IllegalMove
from payment_service.models.lifecycle import ACTIVE, PaymentEvent, PaymentStatus, next_status

S, E = PaymentStatus, PaymentEvent

ANSWERS = {
    E.ACTION_NEEDED: S.REQUIRES_ACTION,
    E.AUTHORIZED: S.AUTHORIZED,
    E.CAPTURED: S.SUCCEEDED,
    E.VOIDED: S.CANCELED,
    E.FAILED: S.FAILED,
    E.LOST: S.UNKNOWN,
    E.REVERTED: S.AUTHORIZED,
}
LEGAL = {
    **{(S.PROCESSING, event): status for event, status in ANSWERS.items()},
    **{(S.UNKNOWN, event): status for event, status in ANSWERS.items()},
    (S.REQUIRES_ACTION, E.CONFIRM): S.PROCESSING,
    (S.REQUIRES_ACTION, E.VOIDED): S.CANCELED,
    (S.REQUIRES_ACTION, E.FAILED): S.FAILED,
    (S.AUTHORIZED, E.CAPTURE): S.PROCESSING,
    (S.AUTHORIZED, E.VOID): S.PROCESSING,
}
PAIRS = [(status, event) for status in PaymentStatus for event in PaymentEvent]


@pytest.mark.parametrize(("status", "event"), PAIRS)
def test_every_pair_of_state_and_event_is_decided(
    status: PaymentStatus, event: PaymentEvent
) -> None:
    if (status, event) in LEGAL:
        assert next_status(status, event) == LEGAL[status, event]
        return
    with pytest.raises(IllegalMove):
        next_status(status, event)


@pytest.mark.parametrize("status", [S.SUCCEEDED, S.FAILED, S.CANCELED])
def test_final_states_have_no_way_out(status: PaymentStatus) -> None:
    assert [event for event in PaymentEvent if (status, event) in LEGAL] == []


def test_an_order_is_blocked_by_every_payment_that_took_or_may_take_money() -> None:
    assert set(ACTIVE) == {
        S.PROCESSING,
        S.REQUIRES_ACTION,
        S.AUTHORIZED,
        S.SUCCEEDED,
        S.UNKNOWN,
    }
