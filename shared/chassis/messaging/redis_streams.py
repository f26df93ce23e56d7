"""The bus on Redis Streams (Redis 7 or Valkey), for the embedded mode.

What a confirm means here: the event is in the server's append-only file and, with the setting
`appendfsync always` that `./platform up` makes, on the disk. With `everysec` a confirmed event can
be lost even by kill -9 of the server alone (ADR 13). RabbitMQ's quorum queues always fsync. Sent
outbox rows are kept for a week and can be sent again.
A server that reaches `maxmemory` (policy `noeviction`) refuses events; they wait in the outbox.
"""

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event as Stop
from typing import Any, Self

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry

from chassis.messaging import redis_keys as keys
from chassis.messaging.backoff import Backoff
from chassis.messaging.bus import (
    Beat,
    BusOptions,
    BusUnavailable,
    DeadLetter,
    Handler,
    Published,
    PublishResult,
    no_beat,
)
from chassis.messaging.event import Event
from chassis.messaging.redis_consumer import ConsumingSession, Subscription

logger = logging.getLogger(__name__)

TRIM_SECONDS = 30.0
KEEP_WITHOUT_GROUP_MS = 7 * 24 * 3600 * 1000


class RedisStreamsBus:
    """Publishes and consumes on connections of one pool, a connection for each thread's call."""

    def __init__(self, broker_url: str, options: BusOptions) -> None:
        self._options = options
        self._client = Redis.from_url(
            broker_url,
            socket_timeout=options.timeout,
            socket_connect_timeout=min(3.0, options.timeout),
            socket_keepalive=True,
            # Our own loops try again; a hidden second try would only double the waiting.
            retry=Retry(NoBackoff(), 0),
            # The shape of answers differs between the protocols.
            protocol=2,
        )
        self._publish = self._client.register_script(keys.PUBLISH)
        self._trim = self._client.register_script(keys.TRIM)
        self._redeliver = self._client.register_script(keys.REDELIVER)
        self._trimmed: dict[str, float] = {}

    def publish(self, batch: Sequence[Event]) -> list[PublishResult]:
        """Publish in order, in one round trip; raises BusUnavailable."""
        arguments: list[str | bytes] = []
        for event in batch:
            arguments += (keys.stream_name(event.type), event.type, event.to_cloudevent())
        with _translated():
            ids = self._publish(args=arguments)
            self.trim({keys.stream_name(event.type) for event in batch})
        outcomes = [Published.CONFIRMED if id else Published.UNROUTABLE for id in ids]
        pairs = zip(batch, outcomes, strict=True)
        return [PublishResult(event.id, outcome) for event, outcome in pairs]

    def trim(self, streams: Iterable[str], *, every: float = TRIM_SECONDS) -> None:
        """Cut off what all groups have acknowledged, at most once in `every` seconds a stream."""
        now = time.monotonic()
        for stream in streams:
            if now - self._trimmed.get(stream, -every) >= every:
                self._trimmed[stream] = now
                if self._client.exists(stream):
                    self._trim(keys=[stream], args=[KEEP_WITHOUT_GROUP_MS])

    def declare(self, consumer: str, types: Iterable[str]) -> None:
        """Make the consumer's groups at the beginning of its streams; raises BusUnavailable."""
        wanted = sorted(types)
        streams = {keys.stream_name(type) for type in wanted} | {keys.due_name(consumer)}
        with _translated():
            for stream in sorted(streams):
                self._make_group(stream, consumer)
            # Last, because publishing stores a type as soon as somebody is bound to it.
            for type in wanted:
                self._client.sadd(keys.bound_name(type), consumer)

    def _make_group(self, stream: str, consumer: str) -> None:
        try:
            self._client.xgroup_create(stream, consumer, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    def consume(
        self,
        consumer: str,
        types: Iterable[str],
        handler: Handler,
        stop: Stop,
        beat: Beat = no_beat,
    ) -> None:
        """Give messages to `handler` one after the other until `stop`; reconnects by itself."""
        subscription = Subscription(consumer, frozenset(types), handler, self._options, beat)
        backoff = Backoff()
        while not stop.is_set():
            try:
                # Also after a reconnect: the server may have come back empty.
                self.declare(consumer, subscription.types)
                session = ConsumingSession(self._client, subscription)
                backoff.reset()
                session.run(stop)
            except (RedisError, BusUnavailable) as error:
                beat()
                wait = backoff.next()
                reason = f"{type(error).__name__}: {error}"[:300]
                ids = {"consumer": consumer, "reason": reason, "wait": round(wait, 1)}
                logger.warning("consumer lost the broker, will reconnect", extra=ids)
                stop.wait(wait)

    def dead_letters(self, consumer: str, limit: int = 100) -> list[DeadLetter]:
        """Return the oldest messages that the consumer gave up, and keep them."""
        with _translated():
            entries: Any = self._client.xrange(keys.dead_name(consumer), count=limit)
        return [
            DeadLetter(fields[b"event"], fields[b"reason"].decode(), int(fields[b"attempt"]))
            for _id, fields in entries
        ]

    def count_dead_letters(self, consumer: str) -> int:
        """Return how many messages the consumer has given up."""
        with _translated():
            return int(self._client.xlen(keys.dead_name(consumer)))

    def redeliver_dead_letters(self, consumer: str, limit: int = 1000) -> int:
        """Give the oldest dead letters to the consumer anew; return how many."""
        names = [keys.dead_name(consumer), keys.due_name(consumer)]
        with _translated():
            return int(self._redeliver(keys=names, args=[limit]))

    def ping(self) -> None:
        """Do nothing if the server answers; raises BusUnavailable."""
        with _translated():
            self._client.ping()

    def close(self) -> None:
        """Close all connections; the next call opens new ones."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except RedisError as error:
        raise BusUnavailable(f"Redis: {type(error).__name__}: {error}") from error
