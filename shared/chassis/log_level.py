"""The level of a service's logs, changed while it runs.

A key in Redis says it, and every web and worker process of the service looks there once a second.
It reaches all replicas in every way of running, also those that start later; a signal reaches one
process, and a file one machine. While Redis is away the level stays as it is.

    ./platform loglevel orders DEBUG
    docker compose exec order-service python -m chassis.log_level orders DEBUG
"""

import logging
import sys
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import redis

from chassis.config import ConfigError, Settings, setting

logger = logging.getLogger(__name__)

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
DEFAULT = "default"
LOOK_SECONDS = 1.0
_REDIS_SECONDS = 1.0


class BadLevel(ValueError):
    """What was asked for is neither a level nor `default`."""


def connect(url: str) -> Any:
    """Return a client for the functions below; connects on first use."""
    return redis.Redis.from_url(
        url,
        decode_responses=True,
        socket_timeout=_REDIS_SECONDS,
        socket_connect_timeout=_REDIS_SECONDS,
    )


def set_level(client: Any, service: str, level: str) -> str:
    """Have all processes of `service` log from `level` on; `default`: as they are configured.

    Returns the level as it is written. Raises BadLevel, redis.RedisError.
    """
    chosen = DEFAULT if level.lower() == DEFAULT else level.upper()
    if chosen == DEFAULT:
        client.delete(_key(service))
    elif chosen in LEVELS:
        client.set(_key(service), chosen)
    else:
        raise BadLevel(f"no level {level}; there are {', '.join(LEVELS)} and {DEFAULT}")
    return chosen


def read_levels(client: Any, services: Iterable[str]) -> dict[str, str]:
    """Return what was set for each service, `default` where nothing was; raises RedisError."""
    names = list(services)
    found = client.mget([_key(name) for name in names])
    return {name: level or DEFAULT for name, level in zip(names, found, strict=True)}


class LevelWatch:
    """Keeps this process at the level that is set for its service. configured: without one."""

    def __init__(self, service: str, configured: str, url: str) -> None:
        self._service, self._configured = service, configured
        self._client = connect(url)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log-level", daemon=True)

    def start(self) -> None:
        """Look once a second from now on, in a thread; call it after a fork."""
        self._thread.start()

    def close(self) -> None:
        """Stop looking."""
        self._stop.set()
        self._thread.join()
        self._client.close()

    def look(self) -> None:
        """Take the level that is set now."""
        try:
            wanted = read_levels(self._client, [self._service])[self._service]
        except redis.RedisError:
            return
        level = wanted if wanted in LEVELS else self._configured
        root = logging.getLogger()
        if logging.getLevelName(root.level) != level:
            root.setLevel(level)
            logger.warning("log level changed", extra={"to": level})

    def _run(self) -> None:
        self.look()
        while not self._stop.wait(LOOK_SECONDS):
            self.look()


def _key(service: str) -> str:
    return f"loglevel:{service}"


@dataclass(frozen=True, kw_only=True)
class _RedisSettings(Settings):
    redis_url: str = setting(secret=True)


def main(arguments: list[str]) -> int:
    """Set a service's level in the Redis of `REDIS_URL`; returns the exit status."""
    if len(arguments) != 2:
        print("usage: python -m chassis.log_level SERVICE LEVEL", file=sys.stderr)
        return 2
    try:
        url = _RedisSettings.from_env().redis_url
        print(f"{arguments[0]}: {set_level(connect(url), *arguments)}")
    except (BadLevel, ConfigError, redis.RedisError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
