"""The process's clock, so that a test can move time without patching."""

from datetime import UTC, datetime, timedelta

_offset = timedelta(0)


def now() -> datetime:
    """Return the current time, aware and in UTC."""
    return datetime.now(UTC) + _offset


def move(seconds: float) -> None:
    """Move the clock of this process by `seconds`; for tests only."""
    global _offset
    _offset += timedelta(seconds=seconds)


def reset() -> None:
    """Undo every `move`."""
    global _offset
    _offset = timedelta(0)
