"""Cache-aside in Redis: a value is loaded once, by one caller, and forgotten after a commit.

    # create_app: one cache for each kind of value
    cache.add(app, "product", version="3", ttl=30, url=config.effective_cache_url)

    # a use case that reads
    cache.named("product").read(str(product_id), lambda: load(product_id))

    # a use case that writes
    cache.named("product").forget_after_commit(session, [str(product_id)])

Values are bytes; JSON mostly, never pickle. When Redis is away or slow, the loader answers. What a
value can be off by: nothing while Redis and the processes live, since a commit forgets before its
request is answered; `ttl` seconds where a process dies between its commit and that.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import redis
from flask import Flask, current_app
from prometheus_client import Counter
from sqlalchemy.orm import Session

from chassis import metrics
from chassis.cache_store import Store
from chassis.circuit_breaker import CircuitBreaker
from chassis.database import after_commit

logger = logging.getLogger(__name__)
T = TypeVar("T")
Load = Callable[[], bytes]

_EXTENSION, _EVENTS = "chassis.cache", "chassis.cache.events"
_ALL = ""
_REDIS_SECONDS = 0.1
_RETRY_SECONDS = 1.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.005, 0.04
# Beyond this many keys that could not be forgotten, everything is.
_MOST_OWED = 10_000


@dataclass
class _Flight:
    """A load under way in this process, which others of it wait for."""

    ended: threading.Event = field(default_factory=threading.Event)
    value: bytes | None = None


class Cache:
    """Values of one kind by key; threads and processes share them.

    patience: seconds that a caller waits for another's load before it loads by itself.
    count: told how each read ended: hit, miss, shared, late or bypass; and error, forget.
    """

    def __init__(self, store: Store, *, patience: float, count: Callable[[str], None]) -> None:
        self._store, self._patience, self._count = store, patience, count
        # One failure is enough: without the cache all goes on, and each wait would be a request's.
        self._breaker = CircuitBreaker(threshold=1, reset_after=_RETRY_SECONDS)
        self._flights: dict[bytes, _Flight] = {}
        self._owed: set[str] = set()
        self._lock = threading.Lock()
        self._payer: threading.Thread | None = None
        self._closed = threading.Event()

    def read(self, key: str, load: Load) -> bytes:
        """Return the value of `key`: a remembered one, another caller's, or that of `load`.

        load: reads what is committed, afresh. What it raises is raised, and nothing remembered.
        """
        found = None if self._is_owed(key) else self._ask(self._store.peek, key)
        if found is None:
            self._count("bypass")
            return load()
        if found.value is not None:
            self._count("hit")
            return found.value
        return self._read_slowly(key, load)

    def forget(self, keys: Iterable[str]) -> None:
        """Forget the values of `keys` now, of every version; later where Redis is away."""
        self._forget(set(keys))

    def forget_all(self) -> None:
        """Forget every value of this cache now."""
        self._forget({_ALL})

    def forget_after_commit(self, session: Session, keys: Iterable[str]) -> None:
        """Forget the values of `keys` once the transaction has committed."""
        after_commit(session, self._forget, keys)

    def close(self) -> None:
        """End the thread that forgets what could not be forgotten at once."""
        self._closed.set()
        if (payer := self._payer) is not None:
            payer.join()

    def _read_slowly(self, key: str, load: Load) -> bytes:
        deadline, pause = time.monotonic() + self._patience, _FIRST_PAUSE
        while (left := deadline - time.monotonic()) > 0:
            found = self._ask(self._store.take, key)
            if found is None:
                break
            if found.value is not None:
                self._count("shared")
                return found.value
            if found.mine:
                return self._load(key, found.lease, load)
            # Only the flight whose lease still stands: another one began before an invalidation.
            flight = self._flights.get(found.lease)
            if flight is None:
                time.sleep(min(pause, left))
                pause = min(2 * pause, _LONGEST_PAUSE)
            elif flight.ended.wait(left) and flight.value is not None:
                self._count("shared")
                return flight.value
        self._count("late")
        return load()

    def _load(self, key: str, lease: bytes, load: Load) -> bytes:
        self._count("miss")
        flight = self._flights[lease] = _Flight()
        try:
            flight.value = load()
        except BaseException:
            self._ask(self._store.release, key, lease)
            raise
        finally:
            del self._flights[lease]
            flight.ended.set()
        self._ask(self._store.keep, key, lease, flight.value)
        return flight.value

    def _ask(self, command: Callable[..., T], *arguments: Any) -> T | None:
        """Return what Redis answers, None while it is away."""
        if not self._breaker.allow():
            return None
        try:
            answer = command(*arguments)
        except redis.RedisError as error:
            self._breaker.failed()
            self._count("error")
            logger.warning("cache not available", extra={"cause": type(error).__name__})
            return None
        self._breaker.succeeded()
        return answer

    def _forget(self, keys: set[str]) -> None:
        self._count("forget")
        if keys and self._ask(self._store.forget, keys) is None:
            self._owe(keys)

    def _is_owed(self, key: str) -> bool:
        return bool(self._owed) and (key in self._owed or _ALL in self._owed)

    def _owe(self, keys: set[str]) -> None:
        with self._lock:
            owed = self._owed | keys
            self._owed = owed if len(owed) <= _MOST_OWED else {_ALL}
            if self._payer is None or not self._payer.is_alive():
                self._payer = threading.Thread(target=self._pay, name="cache", daemon=True)
                self._payer.start()

    def _pay(self) -> None:
        """Forget what is owed as soon as Redis is back; entries of before may still be there."""
        while not self._closed.wait(_RETRY_SECONDS):
            owed = self._owed
            paid = self._ask(self._store.forget, owed) is not None
            with self._lock:
                if paid and self._owed is owed:
                    self._owed, self._payer = set(), None
                    return


class NoCache(Cache):
    """The cache that is switched off: every read loads."""

    def __init__(self) -> None:
        """Need nothing."""

    def read(self, key: str, load: Load) -> bytes:
        """Return what `load` returns."""
        return load()

    def close(self) -> None:
        """Do nothing."""

    def _forget(self, keys: set[str]) -> None:
        """Do nothing."""


def add(
    app: Flask,
    name: str,
    *,
    version: str,
    ttl: float,
    url: str,
    patience: float = 0.25,
    lease: float = 2.0,
) -> None:
    """Give the app a cache, which `named` finds; connects on first use.

    version: of the values' shape; another one never sees these entries. ttl: seconds a value lives
    at most (up to a tenth less, so that not all end together); 0 switches the cache off.
    patience: seconds that a read waits for another's load. lease: seconds a load may take; what
    takes longer is not remembered.
    """
    caches = app.extensions.setdefault(_EXTENSION, {})
    if ttl <= 0:
        caches[name] = NoCache()
        return
    client = redis.Redis.from_url(
        url, socket_timeout=_REDIS_SECONDS, socket_connect_timeout=_REDIS_SECONDS
    )
    service = app.extensions["platform"].name
    store = Store(client, f"{service}.{name}", version=version, ttl=ttl, jitter=0.1, lease=lease)
    caches[name] = Cache(store, patience=patience, count=_counter(app, name))


def named(name: str) -> Cache:
    """Return a cache of the current app."""
    found: Cache = current_app.extensions[_EXTENSION][name]
    return found


def _counter(app: Flask, name: str) -> Callable[[str], None]:
    if _EVENTS not in app.extensions:
        with app.app_context():
            app.extensions[_EVENTS] = Counter(
                "cache_events_total",
                "Reads by outcome, errors of Redis, and invalidations",
                ("cache", "event"),
                registry=metrics.registry(),
            )
    events: Counter = app.extensions[_EVENTS]
    known = ("hit", "miss", "shared", "late", "bypass", "error", "forget")
    # Looked up once: `labels` costs more than counting.
    counters = {event: events.labels(name, event).inc for event in known}
    return lambda event: counters[event]()
