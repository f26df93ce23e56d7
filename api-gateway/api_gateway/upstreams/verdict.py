"""What the probes of one instance say, all together."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

# Probes in a row that change the verdict. The very first one decides alone, and so does the first
# good one: a gateway that starts before its services must not hold up their beginning.
FAILS, PASSES = 2, 2
INTERVAL_SECONDS = 5.0
# While something is wrong, or may be: both an outage and its end show within two of these.
FAST_SECONDS = 1.0
# Until the first good one, and after the first good one of an instance that went out.
_EAGER_SECONDS = 0.5


class Verdict(Enum):
    """Whether requests should go to an instance."""

    UNKNOWN = "unknown"
    IN = "in"
    OUT = "out"


@dataclass(frozen=True, slots=True)
class Probe:
    """The outcome of one probe. reason: why it failed, None where it passed.

    refused: nothing listens there. seconds: how long it took.
    """

    reason: str | None
    seconds: float
    refused: bool = False
    version: str | None = None


class Probes:
    """The verdict, and what it is based on; every outcome moves it, so that it cannot freeze."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._clock, self._draw = clock, draw
        self.verdict = Verdict.UNKNOWN
        self.last: Probe | None = None
        # Why it is out, also after the first good probe.
        self.reason: str | None = None
        self.checked_at = 0.0
        self.passes = 0
        self.fails = 0
        self._been_in = False

    def record(self, probe: Probe) -> None:
        """Take the outcome of one more probe."""
        self.last, self.checked_at = probe, self._clock()
        if probe.reason is None:
            self.passes, self.fails = self.passes + 1, 0
        else:
            self.passes, self.fails = 0, self.fails + 1
            self.reason = probe.reason
        if self.passes >= (PASSES if self._been_in else 1):
            self._enter()
        elif self.fails >= (FAILS if self._been_in else 1):
            self.verdict = Verdict.OUT

    def refute(self) -> None:
        """Take notice that it answered a request: whoever said that nothing listens was wrong."""
        self.passes, self.fails = 1, 0
        self._enter()

    def _enter(self) -> None:
        self.verdict, self.reason = Verdict.IN, None
        self._been_in = True

    def age_ms(self) -> int | None:
        """Return how long ago the last probe ended; None before the first one."""
        return None if self.last is None else int((self._clock() - self.checked_at) * 1000)

    @property
    def refused(self) -> bool:
        """Tell whether it is out because nothing listens there."""
        return self.verdict is Verdict.OUT and self.last is not None and self.last.refused

    def pause(self, uneasy: bool) -> float:
        """Return the seconds until the next probe. uneasy: requests fail, whatever probes say."""
        if self.verdict is Verdict.OUT and (self.passes or not self._been_in):
            seconds = _EAGER_SECONDS
        elif self.verdict is Verdict.OUT or self.fails or uneasy:
            seconds = FAST_SECONDS
        else:
            seconds = INTERVAL_SECONDS
        # Or all gateways would probe in step.
        return seconds * (0.8 + 0.4 * self._draw())
