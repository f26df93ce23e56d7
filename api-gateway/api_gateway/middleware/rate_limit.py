"""Rate limits: counted in this process, added up with the other processes' in the background.

A sliding window from two fixed ones: what is left of the previous window counts in proportion, so
that no burst of twice the limit fits around a boundary.
"""

import time
from collections.abc import Callable
from math import ceil

from api_gateway.call import Call, Fields
from api_gateway.errors import RateLimited
from api_gateway.routes import Limit, Policy

# Above this many callers the counts are forgotten: memory is bounded, and limits open for a moment.
MAX_WINDOWS = 200_000


class Window:
    """The requests of one caller under one limit. index: number of the current fixed window.

    pending: those that the other processes do not know of yet.
    """

    __slots__ = ("count", "index", "pending", "previous", "seconds")

    def __init__(self, index: int, seconds: int) -> None:
        self.index = index
        self.seconds = seconds
        self.count = self.previous = self.pending = 0

    def move(self, index: int) -> None:
        """Go on to a later fixed window."""
        self.previous = self.count if index == self.index + 1 else 0
        self.count = self.pending = 0
        self.index = index


class RateLimits:
    """Counts requests and refuses those over a limit; refused ones do not count.

    exempt: tells whether a caller's requests are neither counted nor refused.
    """

    def __init__(
        self,
        enabled: bool,
        exempt: Callable[[Call], bool] = lambda call: False,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.windows: dict[tuple[str, str], Window] = {}
        self._enabled = enabled
        self._exempt = exempt
        self._now = now

    def check(self, call: Call, policy: Policy) -> None:
        """Count a request against all limits that apply to it, and note what its answer tells.

        A limit by user does not apply without a verified token. Raises RateLimited.
        """
        if not self._enabled or not policy.limits or self._exempt(call):
            return
        now = self._now()
        counted, tightest, lowest = [], None, 2.0
        for limit in policy.limits:
            caller = call.user if limit.by == "user" else call.origin.caller
            if caller is None:
                continue
            window, left, passed = self._left(limit, caller, now)
            if left < 1:
                raise _refusal(limit, policy, window, passed)
            counted.append(window)
            if left / limit.amount < lowest:
                lowest = left / limit.amount
                tightest = (limit, int(left) - 1, limit.seconds - passed)
        for window in counted:
            window.count += 1
            window.pending += 1
        if tightest is not None:
            call.quota = _fields(policy, *tightest)

    def _left(self, limit: Limit, caller: str, now: float) -> tuple[Window, float, float]:
        """Return the caller's window, how many requests it has left, and the seconds into it."""
        index, passed = divmod(now, limit.seconds)
        window = self.windows.get((limit.name, caller))
        if window is None:
            if len(self.windows) >= MAX_WINDOWS:
                self.windows.clear()
            window = self.windows[limit.name, caller] = Window(int(index), limit.seconds)
        elif window.index != index:
            window.move(int(index))
        used: float = window.count
        if window.previous:
            used += window.previous * (1 - passed / limit.seconds)
        return window, limit.amount - used, passed

    def forget_old(self) -> None:
        """Drop the windows that no longer count."""
        now = self._now()
        for key, window in list(self.windows.items()):
            if window.index < now // window.seconds - 1:
                del self.windows[key]


def _refusal(limit: Limit, policy: Policy, window: Window, passed: float) -> RateLimited:
    wait = max(1, ceil(_seconds_until_one_fits(limit, window, passed)))
    return RateLimited(
        f"More than {limit.amount} requests in {limit.seconds} s by this {limit.by}",
        headers=dict(_fields(policy, limit, 0, wait)),
        retry_after=wait,
        errors=[{"field": "rate_limit", "message": limit.name}],
    )


def _fields(policy: Policy, limit: Limit, left: int, seconds: float) -> Fields:
    """Return the two fields of draft-ietf-httpapi-ratelimit-headers-10."""
    rest = f'"{limit.name}";r={left if left > 0 else 0};t={int(seconds) or 1}'
    return [("RateLimit-Policy", policy.quota), ("RateLimit", rest)]


def _seconds_until_one_fits(limit: Limit, window: Window, passed: float) -> float:
    free = limit.amount - 1
    if window.count <= free:
        # The previous window has to fade: previous * (1 - t / seconds) + count <= free.
        return limit.seconds * (1 - (free - window.count) / window.previous) - passed
    # The current one becomes the previous one, and has to fade then.
    return limit.seconds - passed + limit.seconds * (1 - free / window.count)
