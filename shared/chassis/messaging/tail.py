"""Looking at events as they pass, without taking them from anybody; for shells and for tests."""

import queue
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from typing import Any

import pika
from pika.exceptions import AMQPError
from redis import Redis
from redis.exceptions import RedisError

from chassis.messaging.bus import BusOptions, BusUnavailable
from chassis.messaging.event import Event, MalformedEvent
from chassis.messaging.rabbitmq_topology import EXCHANGE, connection_parameters
from chassis.messaging.redis_keys import stream_name

_LOOK_SECONDS = 0.2
Bodies = Generator[bytes | None, None, None]


def tail_events(
    broker_url: str, types: Iterable[str], stop: Callable[[], bool] = lambda: False
) -> Generator[Event | None, None, None]:
    """Yield events of these types from now on, and None once it watches and at times without any.

    types: those that some consumer has a queue for. With RabbitMQ an event that only this would
    get counts as delivered; the publisher would not notice that its consumer has no queue yet.
    With Redis an event that nobody consumes is not on the bus. Ends when `stop` says so.
    Raises BusUnavailable.
    """
    wanted = frozenset(types)
    follow = _follow_rabbitmq if broker_url.startswith("amqp") else _follow_redis
    try:
        with closing(follow(broker_url, wanted)) as bodies:
            for body in bodies:
                if stop():
                    return
                event = _parse(body)
                if event is None or event.type in wanted:
                    yield event
    except (AMQPError, RedisError, OSError) as error:
        raise BusUnavailable(f"{type(error).__name__}: {error}"[:300]) from error


def _parse(body: bytes | None) -> Event | None:
    try:
        return Event.from_cloudevent(body) if body is not None else None
    except MalformedEvent:
        # The consumers say what they think of it.
        return None


def _follow_rabbitmq(url: str, types: frozenset[str]) -> Bodies:
    """Bind a queue of its own that goes with its connection."""
    found: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    with closing(pika.BlockingConnection(connection_parameters(url, BusOptions(), "tail"))) as link:
        channel = link.channel()
        channel.exchange_declare(EXCHANGE, exchange_type="topic", durable=True)
        # A tail that is too slow loses the oldest, instead of filling the broker's memory.
        answer = channel.queue_declare("", exclusive=True, arguments={"x-max-length": 10_000})
        for type in sorted(types):
            channel.queue_bind(answer.method.queue, EXCHANGE, routing_key=type)

        def receive(_channel: Any, _method: Any, _properties: Any, body: bytes) -> None:
            found.put(body)

        channel.basic_consume(answer.method.queue, receive, auto_ack=True)
        while True:
            yield None
            link.process_data_events(time_limit=_LOOK_SECONDS)
            while not found.empty():
                yield found.get()


def _follow_redis(url: str, types: frozenset[str]) -> Bodies:
    """Read the streams beside their groups; what all of these acknowledged may be cut off."""
    with closing(
        Redis.from_url(url, socket_timeout=10, socket_connect_timeout=3, protocol=2)
    ) as client:
        last: Any = {}
        for name in sorted({stream_name(type) for type in types}):
            newest: Any = client.xrevrange(name, count=1)
            last[name] = newest[0][0] if newest else b"0-0"
        while True:
            yield None
            answer: Any = client.xread(last, block=round(_LOOK_SECONDS * 1000)) if last else []
            for stream, entries in answer or []:
                for id, fields in entries:
                    last[stream.decode()] = id
                    yield fields.get(b"event", b"")
