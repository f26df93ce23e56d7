"""Stops sending requests to an instance that keeps failing them, and comes back gradually."""

import random
import time
from collections.abc import Callable
from enum import Enum

# So many failures in a row within so many seconds open it.
THRESHOLD = 5
WINDOW_SECONDS = 10.0
# How long it stays open: doubled with each time that follows soon after the last one.
OPEN_SECONDS = 10.0
LONGEST_SECONDS = 300.0
# Half-open: the share of requests grows from the first figure to all of them in so many seconds.
FIRST_SHARE = 0.1
RAMP_SECONDS = 10.0
# Failures in a row that open it again while it is half-open and something has worked.
_RELAPSE = 3


class Fault(Enum):
    """What went wrong between the gateway and an instance."""

    REFUSED = "no connection"
    CONNECT_TIMEOUT = "no connection in time"
    RESET = "connection lost"
    TIMEOUT = "no answer in time"
    BAD = "bad answer"
    ANSWERED = "502, 503 or 504 answered"

    @property
    def silent(self) -> bool:
        """Tell whether nothing came back at all: asking on would only hold up more requests."""
        return self not in (Fault.BAD, Fault.ANSWERED)


class State(Enum):
    """Where a breaker is; the values are those of `/health`."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Breaker:
    """One instance's; belongs to one process.

    epoch: grows with each change of state. A result counts only in the epoch in which its request
    began: a late time-out must not open what has recovered since.
    calm: closed and nothing failed lately, so that a success need not be reported.
    clock: seconds that only grow. draw: returns a number from 0 up to 1.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._clock, self._draw = clock, draw
        self.calm = True
        self.epoch = 0
        self.ejections = 0
        self.failures: list[float] = []
        self.fault: Fault | None = None
        self._state = State.CLOSED
        # The end of the time open, or the begin of the time half-open or closed.
        self._turn = clock()
        self._level = 0
        self._seconds = 0.0
        self._worked = False

    @property
    def state(self) -> State:
        """The state now: an open one becomes half-open by the passing of time."""
        if self._state is State.OPEN and self._clock() >= self._turn:
            self._enter(State.HALF_OPEN)
        return self._state

    def share(self) -> float:
        """Return the share of requests that may pass, from 0 to 1."""
        state = self.state
        if state is State.HALF_OPEN:
            grown = (self._clock() - self._turn) / RAMP_SECONDS
            return min(1.0, FIRST_SHARE + (1 - FIRST_SHARE) * grown)
        return 1.0 if state is State.CLOSED else 0.0

    def opens_in(self) -> float:
        """Return the seconds until the first request may pass; 0 unless it is open."""
        return self._turn - self._clock() if self.state is State.OPEN else 0.0

    def passed(self, epoch: int) -> None:
        """Report that a request of `epoch` worked."""
        if epoch != self.epoch:
            return
        self.failures.clear()
        state = self.state
        if state is State.OPEN:
            # Somebody asked although it was open, because there was nobody else to ask.
            self._enter(State.HALF_OPEN)
            self._worked = True
        elif state is State.HALF_OPEN:
            self._worked = True
            if self.share() >= 1.0:
                self._enter(State.CLOSED)
        else:
            self.calm = True

    def failed(self, epoch: int, fault: Fault) -> bool:
        """Report that a request of `epoch` failed; tells whether that opened it."""
        state = self.state
        if epoch != self.epoch or state is State.OPEN:
            return False
        now = self._clock()
        self.calm = False
        self.fault = fault
        self.failures = [at for at in self.failures if now - at < WINDOW_SECONDS] + [now]
        closed = state is State.CLOSED
        if len(self.failures) < (THRESHOLD if closed else _RELAPSE if self._worked else 1):
            return False
        self._open(now)
        return True

    def readmit(self) -> None:
        """Begin with the first requests at once: something else showed that it works again."""
        if self.state is State.OPEN:
            self._enter(State.HALF_OPEN)

    def _open(self, now: float) -> None:
        # A time closed as long as the last time open, and a minute at least, makes a fresh start.
        recovered = self._state is State.CLOSED and now - self._turn > max(60.0, self._seconds)
        self._level = 0 if recovered else self._level
        self._seconds = min(LONGEST_SECONDS, OPEN_SECONDS * 2**self._level)
        self._level = min(self._level + 1, 10)
        self.ejections += 1
        self._enter(State.OPEN)
        # Several gateways must not come back in the same moment.
        jitter = 0.9 + 0.2 * self._draw()
        self._turn = now + min(LONGEST_SECONDS, self._seconds * jitter)

    def _enter(self, state: State) -> None:
        self._state = state
        self._turn = self._clock()
        self._worked = False
        self.failures = []
        self.calm = state is State.CLOSED
        self.epoch += 1
