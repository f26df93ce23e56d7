"""When the next message to one receiver may go."""

from datetime import UTC, datetime, timedelta

import pytest

from notification_service.models.messages import Category
from notification_service.models.receivers import Channel
from notification_service.services.limits import WINDOWS, first_free

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
CODES = WINDOWS[Channel.SMS, Category.CODE]


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("seconds_ago", "wait"),
    [
        ([], 0),
        ([60], 0),
        ([59], 1),
        ([0], 60),
        # The fifth within an hour goes, the sixth waits for the first to be an hour old.
        ([600, 1200, 1800, 2400], 0),
        ([600, 1200, 1800, 2400, 3000], 600),
        ([600, 1200, 1800, 2400, 3600], 0),
        # Ten a day.
        ([4000 + 3600 * hour for hour in range(10)], 24 * 3600 - 4000 - 9 * 3600),
        # Two that are planned for later count as well.
        ([-60, 0], 120),
    ],
)
def test_codes_wait_for_room_in_every_window(seconds_ago: list[float], wait: float) -> None:
    free = first_free([ago(one) for one in seconds_ago], CODES, NOW)

    assert (free - NOW).total_seconds() == wait


def test_every_channel_and_category_has_limits() -> None:
    assert set(WINDOWS) == {(channel, category) for channel in Channel for category in Category}
