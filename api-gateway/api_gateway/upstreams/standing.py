"""How an instance stands: what requests and probes say of it, and what follows from both."""

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime

from api_gateway.upstreams.breaker import THRESHOLD, Breaker, Fault, State
from api_gateway.upstreams.verdict import PASSES, Probe, Probes, Verdict

# How often a request tries an instance that is not there, where all instances are out.
_TRY_SECONDS = 1.0
# Faults that good probes refute: nothing else was wrong than that it could not be talked to.
_AWAY = frozenset({Fault.REFUSED, Fault.CONNECT_TIMEOUT, Fault.RESET})


class Standing:
    """Breaker and probes of one instance.

    fit: requests may go there without a second thought. changed: called when that changes.
    """

    def __init__(
        self,
        changed: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.breaker, self.probes = Breaker(clock, draw), Probes(clock, draw)
        self.fit = True
        self.since = datetime.now(UTC)
        self.failures = 0
        self._changed, self._clock, self._draw = changed, clock, draw
        self._next_try = 0.0
        self._status = "unknown"
        # Probes since the breaker opened.
        self._passes = self._fails = 0

    def worked(self, epoch: int) -> None:
        """Report a good answer to a request that began in the breaker's `epoch`."""
        self.breaker.passed(epoch)
        if self.probes.refused:
            self.probes.refute()
        self._judge()

    def failed(self, epoch: int, fault: Fault) -> bool:
        """Report a failed request; tells whether the instance is ejected for it."""
        self.failures += 1
        ejected = self.breaker.failed(epoch, fault)
        if ejected:
            self._passes = self._fails = 0
        self._judge()
        return ejected

    def probed(self, probe: Probe, epoch: int) -> None:
        """Report a probe that began in the breaker's `epoch`."""
        self.probes.record(probe)
        if self.breaker.state is State.OPEN and epoch == self.breaker.epoch:
            self._refute(probe)
        self._judge()

    def _refute(self, probe: Probe) -> None:
        # Good probes alone say little where they were good all the time: a service may answer its
        # health page and nothing else. They count once they were bad, or for one that was away.
        self._passes = self._passes + 1 if probe.reason is None else 0
        self._fails += probe.reason is not None
        if self._passes >= PASSES and (self._fails or self.breaker.fault in _AWAY):
            self.breaker.readmit()

    def admits(self) -> bool:
        """Tell whether a half-open instance takes this request, where others could take it too."""
        if self.probes.verdict is Verdict.OUT:
            return False
        share = self.breaker.share()
        return share > 0 and self._draw() < share

    @property
    def silent(self) -> bool:
        """Tell whether it does not answer at all, as far as is known."""
        fault = self.breaker.fault
        failing = self.breaker.state is not State.CLOSED and fault is not None and fault.silent
        return failing or self.probes.refused

    def may_try(self, in_flight: int, cap: int) -> bool:
        """Tell whether a request may go there all the same, where there is nobody else.

        An instance that answers is asked on: its own answer says more than ours would. One that
        does not is tried once a second, and while half-open with few requests at one time.
        """
        if not self.silent:
            return True
        if self.breaker.state is State.HALF_OPEN and not self.probes.refused:
            return in_flight < max(1, int(cap * self.breaker.share()))
        now = self._clock()
        if now < self._next_try:
            return False
        self._next_try = now + _TRY_SECONDS
        return True

    @property
    def status(self) -> str:
        """Return `healthy`, `unhealthy`, or `unknown` before the first probe."""
        self._judge()
        return self._status

    @property
    def uneasy(self) -> bool:
        """Tell whether a probe should not wait for its turn."""
        return not self.breaker.calm

    def reason(self) -> str | None:
        """Say why it is not healthy; None where it is."""
        if self.breaker.state is State.OPEN and self.breaker.fault is not None:
            why = f"{THRESHOLD} failures ({self.breaker.fault.value})"
            left = max(1, round(self.breaker.opens_in()))
            said = f", probe: {self.probes.reason}" if self.probes.reason else ""
            return f"breaker open after {why}, next try in {left} s{said}"
        if self.probes.verdict is Verdict.OUT:
            return self.probes.reason
        return None

    def _judge(self) -> None:
        verdict, state = self.probes.verdict, self.breaker.state
        if verdict is Verdict.OUT or state is State.OPEN:
            status = "unhealthy"
        else:
            status = "unknown" if verdict is Verdict.UNKNOWN else "healthy"
        if status != self._status:
            self._status, self.since = status, datetime.now(UTC)
        fit = verdict is not Verdict.OUT and state is State.CLOSED
        if fit is not self.fit:
            self.fit = fit
            self._changed()
