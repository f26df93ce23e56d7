"""Access tokens that are refused before they expire, in Redis, shared by all services.

When Redis is away, tokens are accepted until they expire (15 minutes at most); docs/adr says why.
"""

import logging
import time
from uuid import UUID

import redis
from flask import Flask, current_app

from chassis import clock

logger = logging.getLogger(__name__)
_EXTENSION = "chassis.denylist"
_PAUSE_SECONDS = 1.0
# What was denied lately, for those who remember tokens as good and must forget them.
_FEED = "deny:feed"
_FEED_SECONDS = 300


class Denylist:
    """Refused token ids, and for each subject the moment before which its tokens are refused."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._away_until = 0.0

    def deny_token(self, jti: str, seconds: int) -> None:
        """Refuse the token `jti` for its remaining life of `seconds`."""
        self._write(f"deny:jti:{jti}", "1", seconds)

    def deny_subject(self, subject: str, seconds: int) -> None:
        """Refuse all tokens of `subject` made up to now; `seconds`: how long any can still live."""
        self._write(f"deny:sub:{subject}", str(int(clock.now().timestamp() * 1000)), seconds)

    def denied(self, jti: str, subject: str, issued_ms: int) -> bool:
        """Tell whether a token is refused; False while Redis is away."""
        if time.monotonic() < self._away_until:
            return False
        try:
            token, moment = self._client.mget(f"deny:jti:{jti}", f"deny:sub:{subject}")
        except redis.RedisError as error:
            self._away_until = time.monotonic() + _PAUSE_SECONDS
            logger.warning(
                "denylist not available, revoked tokens pass", extra={"cause": type(error).__name__}
            )
            return False
        return token is not None or (moment is not None and issued_ms <= int(moment))

    def _write(self, key: str, value: str, seconds: int) -> None:
        now = time.time()
        try:
            with self._client.pipeline() as pipe:
                pipe.set(key, value, ex=max(1, seconds))
                pipe.zadd(_FEED, {key: now})
                pipe.zremrangebyscore(_FEED, 0, now - _FEED_SECONDS)
                pipe.execute()
        except redis.RedisError as error:
            logger.warning("denylist not written", extra={"cause": type(error).__name__})


def revoked_lately(client: redis.Redis, seconds: float) -> set[str]:
    """Return `jti:ID` and `sub:ID` of the tokens and subjects denied in the last `seconds`.

    seconds: up to 300. client: with decoded answers. Raises redis.RedisError.
    """
    found: list[str] = client.zrangebyscore(_FEED, time.time() - seconds, "+inf")  # type: ignore[assignment]
    return {key.removeprefix("deny:") for key in found}


def init_app(app: Flask, redis_url: str) -> None:
    """Make the app's denylist; connects on first use, and waits at most 0.25 s for Redis."""
    client = redis.Redis.from_url(
        redis_url, decode_responses=True, socket_timeout=0.25, socket_connect_timeout=0.25
    )
    app.extensions[_EXTENSION] = Denylist(client)


def current_denylist() -> Denylist:
    """Return the denylist of the current app."""
    denylist: Denylist = current_app.extensions[_EXTENSION]
    return denylist


def deny_token(jti: str, seconds: int) -> None:
    """Refuse one access token from now on; `seconds`: its remaining life."""
    current_denylist().deny_token(jti, seconds)


def deny_subject(user_id: UUID, seconds: int = 900) -> None:
    """Refuse every access token of the user that was made until now."""
    current_denylist().deny_subject(str(user_id), seconds)
