"""The table of states: nothing leads back, and a receipt cannot undo what is known."""

from itertools import pairwise

import pytest

from notification_service.models.errors import IllegalMove
from notification_service.models.lifecycle import MessageState, may_move, next_state

S = MessageState


@pytest.mark.parametrize(
    "path",
    [
        (S.QUEUED, S.SENDING, S.SENT, S.DELIVERED),
        (S.QUEUED, S.SENDING, S.QUEUED, S.SENDING, S.DELIVERED),
        (S.QUEUED, S.SENDING, S.UNKNOWN, S.SENT, S.FAILED, S.DELIVERED),
        (S.QUEUED, S.SENDING, S.UNKNOWN, S.QUEUED),
        (S.QUEUED, S.CANCELLED),
        (S.SENDING, S.EXPIRED, S.DELIVERED),
    ],
)
def test_message_can_go_these_ways(path: tuple[S, ...]) -> None:
    for state, following in pairwise(path):
        assert next_state(state, following) is following


@pytest.mark.parametrize(
    ("state", "to"),
    [
        (S.DELIVERED, S.FAILED),
        (S.DELIVERED, S.SENT),
        (S.SENT, S.QUEUED),
        (S.SENT, S.SENDING),
        (S.FAILED, S.QUEUED),
        (S.SENDING, S.CANCELLED),
        (S.UNKNOWN, S.SENDING),
        (S.CANCELLED, S.SENDING),
    ],
)
def test_message_never_goes_these_ways(state: S, to: S) -> None:
    assert not may_move(state, to)
    with pytest.raises(IllegalMove):
        next_state(state, to)
