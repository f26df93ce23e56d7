"""What was worked out a moment ago, in this process."""

import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

V = TypeVar("V")

MOST_ENTRIES = 256


class Recent(Generic[V]):
    """Remembers values for a short time; any thread may ask and keep.

    ttl: seconds; 0 remembers nothing.
    """

    def __init__(self, ttl: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._ttl, self._clock = ttl, clock
        self._entries: dict[Hashable, tuple[float, V]] = {}

    def get(self, key: Hashable) -> V | None:
        """Return what is kept for `key`, or None when there is nothing or it is too old."""
        entry = self._entries.get(key)
        return entry[1] if entry is not None and self._clock() < entry[0] else None

    def keep(self, key: Hashable, value: V) -> None:
        """Remember `value`; clients choose the keys, so that a full memory starts anew."""
        if len(self._entries) >= MOST_ENTRIES:
            self._entries.clear()
        self._entries[key] = (self._clock() + self._ttl, value)
