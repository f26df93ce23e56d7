"""How many requests may be sent a second time."""

import time
from collections.abc import Callable

_WINDOW_SECONDS = 10.0
_SHARE = 0.2
_LEAST_PER_SECOND = 3.0


class RetryBudget:
    """A fifth of the requests of the last ten seconds or so, and three a second in any case.

    Without it, a service that fails because it is overloaded gets twice the load.
    requests: count them here; a plain number, because every request adds to it.
    clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.requests = 0
        self._clock = clock
        self._begin = clock()
        # Requests and retries of the window before, weighted by how much of it is still recent.
        self._before = (0.0, 0.0)
        self._retries = 0

    def spend(self) -> bool:
        """Take one retry; False where none is left."""
        elapsed = self._clock() - self._begin
        if elapsed >= _WINDOW_SECONDS:
            # The window may be hours old, as only retries end it.
            weight = _WINDOW_SECONDS / elapsed
            fresh = elapsed < 2 * _WINDOW_SECONDS
            self._before = (self.requests * weight, self._retries * weight if fresh else 0.0)
            self.requests = self._retries = 0
            self._begin += elapsed
            elapsed = 0.0
        recent = 1 - elapsed / _WINDOW_SECONDS
        requests = self.requests + self._before[0] * recent
        retries = self._retries + self._before[1] * recent
        if retries + 1 > _LEAST_PER_SECOND * _WINDOW_SECONDS + _SHARE * requests:
            return False
        self._retries += 1
        return True
