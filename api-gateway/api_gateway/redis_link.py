"""What this process exchanges with the others through Redis, in the background.

No request waits for Redis: while it is away, limits hold for each process alone, and revoked tokens
pass until they expire (docs/adr/0003).
"""

import logging

import gevent
import redis

from api_gateway.middleware.auth import TokenCheck
from api_gateway.middleware.rate_limit import RateLimits
from chassis import denylist

logger = logging.getLogger(__name__)
# What other processes let pass meanwhile is how far a shared limit can be overrun.
_SYNC_SECONDS = 0.1
_PAUSE_SECONDS = 1.0
_ROUNDS_A_SECOND = 10
_ROUNDS_TO_FORGET = 100
_REDIS_SECONDS = 0.25
# How far back revocations are looked for: the clocks of those who revoke differ a little.
_REVOKED_SECONDS = 30.0


class RedisLink:
    """Adds up the counts of the rate limits, and learns of revoked tokens."""

    def __init__(self, url: str, limits: RateLimits, tokens: TokenCheck) -> None:
        self._client = redis.Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=_REDIS_SECONDS,
            socket_connect_timeout=_REDIS_SECONDS,
        )
        self._limits = limits
        self._tokens = tokens
        self._denylist = denylist.Denylist(self._client)
        self._revoked: set[str] = set()
        self._away = False

    def run(self) -> None:
        """Exchange until the process ends; meant for a greenlet of its own."""
        rounds = 0
        while True:
            gevent.sleep(_PAUSE_SECONDS if self._away else _SYNC_SECONDS)
            self.exchange(revocations=rounds % _ROUNDS_A_SECOND == 0)
            rounds += 1
            if rounds % _ROUNDS_TO_FORGET == 0:
                self._limits.forget_old()

    def exchange(self, *, revocations: bool = True) -> None:
        """Send what is new here and take in what is new there."""
        try:
            self._exchange_counts()
            if revocations or self._away:
                self._learn_revocations()
        except redis.RedisError as error:
            if not self._away:
                logger.warning(
                    "redis not available: rate limits hold for this process alone",
                    extra={"cause": type(error).__name__},
                )
            self._away = True
        else:
            if self._away:
                logger.warning("redis is back: rate limits are shared again")
            self._away = False

    def _exchange_counts(self) -> None:
        waiting = [
            (key, window, window.index, window.pending)
            for key, window in self._limits.windows.items()
            if window.pending
        ]
        if not waiting:
            return
        pipe = self._client.pipeline(transaction=False)
        for (limit, caller), window, index, pending in waiting:
            key = f"gateway:limit:{limit}:{caller}"
            pipe.incrby(f"{key}:{index}", pending)
            pipe.expire(f"{key}:{index}", 2 * window.seconds)
            pipe.get(f"{key}:{index - 1}")
        answers = pipe.execute()
        for number, (_, window, index, sent) in enumerate(waiting):
            if window.index != index:
                continue  # It moved on while Redis was asked.
            total, _, previous = answers[3 * number : 3 * number + 3]
            window.pending -= sent
            window.count = int(total) + window.pending
            window.previous = max(window.previous, int(previous or 0))

    def _learn_revocations(self) -> None:
        found = denylist.revoked_lately(self._client, _REVOKED_SECONDS)
        if not found <= self._revoked:
            self._tokens.forget(found - self._revoked)
        self._revoked = found

    def denied(self, jti: str, subject: str, issued_ms: int) -> bool:
        """Tell whether a token was revoked before this process saw it; False without Redis."""
        return not self._away and self._denylist.denied(jti, subject, issued_ms)
