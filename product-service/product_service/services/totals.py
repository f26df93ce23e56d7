"""Totals of long lists, counted once in a while."""

import time
from collections.abc import Callable, Hashable


class TotalCache:
    """Remembers totals that are dear to count, for a short time, in this process.

    A total below `EXACT_BELOW` is counted every time: that is cheap, and people notice when a short
    list is off by one.
    """

    EXACT_BELOW = 500
    MOST_ENTRIES = 1_000

    def __init__(self, ttl: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._ttl, self._clock = ttl, clock
        self._totals: dict[Hashable, tuple[float, int]] = {}

    def total(self, key: Hashable, count: Callable[[], int]) -> int:
        """Return the total behind `key`, counted again when it is older than the TTL (seconds)."""
        known = self._totals.get(key)
        now = self._clock()
        if known is not None and now < known[0]:
            return known[1]
        total = count()
        if total >= self.EXACT_BELOW:
            if len(self._totals) >= self.MOST_ENTRIES:
                self._totals.clear()
            self._totals[key] = (now + self._ttl, total)
        return total
