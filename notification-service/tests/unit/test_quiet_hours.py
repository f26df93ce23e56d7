"""Marketing waits for the morning of whoever gets it."""

from datetime import UTC, datetime

import pytest

from notification_service.models.quiet_hours import QuietHours


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-{text}+00:00")


@pytest.mark.parametrize(
    ("moment", "later"),
    [
        ("21 21:59", "21 21:59"),
        ("21 22:00", "22 08:00"),
        ("21 23:30", "22 08:00"),
        ("22 00:00", "22 08:00"),
        ("22 07:59", "22 08:00"),
        ("22 08:00", "22 08:00"),
    ],
)
def test_quiet_hours_last_over_midnight(moment: str, later: str) -> None:
    hours = QuietHours.parse("22:00-08:00", "UTC")

    assert hours is not None and hours.after(at(moment)) == at(later)


def test_quiet_hours_are_those_of_the_receiver() -> None:
    hours = QuietHours.parse("22:00-08:00", "UTC")

    assert hours is not None
    # 15:00 in London is 23:00 in Shanghai, whose morning begins at midnight here.
    assert hours.after(at("21 15:00"), "Asia/Shanghai") == at("22 00:00")
    assert hours.after(at("21 15:00"), "Asia/Shanghai").tzinfo is UTC


def test_quiet_hours_within_a_day() -> None:
    hours = QuietHours.parse("12:00-14:00", "UTC")

    assert hours is not None
    assert hours.after(at("21 13:00")) == at("21 14:00")
    assert hours.after(at("21 23:00")) == at("21 23:00")


def test_no_quiet_hours() -> None:
    assert QuietHours.parse("", "UTC") is None


@pytest.mark.parametrize(
    ("text", "zone"), [("22:00", "UTC"), ("25:00-08:00", "UTC"), ("", "Mars/Base"), ("", "../x")]
)
def test_what_is_no_time_or_zone_is_refused(text: str, zone: str) -> None:
    with pytest.raises(ValueError):
        QuietHours.parse(text, zone)
