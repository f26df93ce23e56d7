"""Stops calling what keeps failing, and tries it again with a single call."""

import threading
import time
from collections.abc import Callable


class CircuitBreaker:
    """Closed until `threshold` failures in a row; then open for `reset_after` seconds.

    After that time one call at a time is let through (half-open): its success closes the breaker,
    its failure opens it again. Threads share one breaker.

    clock: seconds that only grow, such as `time.monotonic`.
    """

    def __init__(
        self,
        *,
        threshold: int = 5,
        reset_after: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._threshold = threshold
        self._reset_after = reset_after
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        # When the next call may go out; None while closed. A probe moves it forward as its lease,
        # so a probe that never reports back cannot keep the breaker open for ever.
        self._open_until: float | None = None

    def allow(self) -> bool:
        """Tell whether a call may go out now; where it may, report how it ended."""
        with self._lock:
            if self._open_until is None:
                return True
            now = self._clock()
            if now < self._open_until:
                return False
            self._open_until = now + self._reset_after
            return True

    def succeeded(self) -> None:
        """Report that a call worked: the breaker closes."""
        with self._lock:
            self._failures = 0
            self._open_until = None

    def failed(self) -> None:
        """Report that a call failed; opens the breaker at the threshold."""
        with self._lock:
            self._failures += 1
            if self._failures >= self._threshold:
                self._open_until = self._clock() + self._reset_after

    def retry_after(self) -> float:
        """Return the seconds until a call may go out; 0 while closed."""
        with self._lock:
            if self._open_until is None:
                return 0.0
            return max(0.0, self._open_until - self._clock())

    @property
    def is_open(self) -> bool:
        """Tell whether calls are refused at the moment."""
        return self.retry_after() > 0
