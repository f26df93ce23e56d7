"""The bus on RabbitMQ 3.10 and later, through pika."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event as Stop
from typing import Self

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError, ChannelClosedByBroker

from chassis.messaging.backoff import Backoff
from chassis.messaging.bus import (
    Beat,
    BusOptions,
    BusUnavailable,
    DeadLetter,
    Handler,
    PublishResult,
    no_beat,
)
from chassis.messaging.event import Event
from chassis.messaging.rabbitmq_consumer import ConsumingSession, Subscription
from chassis.messaging.rabbitmq_publisher import ConfirmedPublisher, Message
from chassis.messaging.rabbitmq_topology import (
    ATTEMPT_HEADER,
    EXCHANGE,
    REASON_HEADER,
    connection_parameters,
    dead_queue_name,
    declare_consumer,
    queue_name,
)

logger = logging.getLogger(__name__)

# What pika raises when the broker is away: its own tree, and errors of the socket and of DNS.
_LOST = (AMQPError, OSError)


class RabbitMQBus:
    """Publishes on one connection and consumes on another.

    An alarm of RabbitMQ stops reading from connections that publish; consumers go on then, which is
    what makes the queues shorter again.
    """

    def __init__(self, broker_url: str, options: BusOptions) -> None:
        self._url, self._options = broker_url, options
        self._publisher = self._new_publisher("publisher")

    def publish(self, batch: Sequence[Event]) -> list[PublishResult]:
        """Publish in order and wait for every confirm; raises BusUnavailable."""
        outcomes = self._publisher.publish([_message(event) for event in batch])
        pairs = zip(batch, outcomes, strict=True)
        return [PublishResult(event.id, outcome) for event, outcome in pairs]

    def declare(self, consumer: str, types: Iterable[str]) -> None:
        """Make the exchange, the consumer's queues and its bindings; raises BusUnavailable."""
        with self._channel() as channel:
            declare_consumer(channel, consumer, types, self._options)

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
        # Its own publisher: moving a failed message must not wait for the relay's batch.
        moved = self._new_publisher(f"{consumer} retries")
        backoff = Backoff()
        while not stop.is_set():
            try:
                parameters = self._parameters(f"{consumer} consumer")
                session = ConsumingSession(subscription, parameters, moved)
                backoff.reset()
                session.run(stop)
            except (*_LOST, BusUnavailable) as error:
                beat()
                wait = backoff.next()
                reason = f"{type(error).__name__}: {error}"[:300]
                ids = {"consumer": consumer, "reason": reason, "wait": round(wait, 1)}
                logger.warning("consumer lost the broker, will reconnect", extra=ids)
                stop.wait(wait)
        moved.close()

    def dead_letters(self, consumer: str, limit: int = 100) -> list[DeadLetter]:
        """Return the oldest messages that the consumer gave up, and keep them."""
        found: list[DeadLetter] = []
        # Closing the channel without an acknowledgement puts them back.
        with self._channel() as channel:
            while len(found) < limit:
                method, properties, body = channel.basic_get(dead_queue_name(consumer))
                if method is None or properties is None or body is None:
                    break
                found.append(_dead_letter(properties, body))
        return found

    def count_dead_letters(self, consumer: str) -> int:
        """Return how many messages the consumer has given up; 0 before its first declaration."""
        try:
            with self._channel() as channel:
                answer = channel.queue_declare(dead_queue_name(consumer), passive=True)
                return int(answer.method.message_count)
        except ChannelClosedByBroker as error:
            if error.reply_code == 404:
                return 0
            raise

    def redeliver_dead_letters(self, consumer: str, limit: int = 1000) -> int:
        """Give the oldest dead letters to the consumer anew; return how many."""
        moved = 0
        with self._channel() as channel:
            channel.confirm_delivery()
            # No more than there are now: one that fails again comes back to the same queue.
            present = channel.queue_declare(dead_queue_name(consumer), passive=True)
            for _ in range(min(limit, present.method.message_count)):
                method, properties, body = channel.basic_get(dead_queue_name(consumer))
                if method is None or properties is None or body is None:
                    break
                fresh = _properties(str(properties.message_id))
                channel.basic_publish("", queue_name(consumer), body, fresh, mandatory=True)
                channel.basic_ack(method.delivery_tag)
                moved += 1
        return moved

    def ping(self) -> None:
        """Do nothing if RabbitMQ takes a connection; raises BusUnavailable."""
        with self._channel():
            pass

    def close(self) -> None:
        """Close the publishing connection; a consuming one ends with `stop`."""
        self._publisher.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def _new_publisher(self, purpose: str) -> ConfirmedPublisher:
        return ConfirmedPublisher(self._parameters(purpose), self._options.timeout)

    def _parameters(self, purpose: str) -> pika.URLParameters:
        return connection_parameters(self._url, self._options, purpose)

    @contextmanager
    def _channel(self) -> Iterator[BlockingChannel]:
        """Open a short connection; only refusals are raised as pika's own errors."""
        try:
            connection = pika.BlockingConnection(self._parameters("short"))
        except _LOST as error:
            raise BusUnavailable(f"RabbitMQ: {type(error).__name__}") from error
        try:
            yield connection.channel()
        except ChannelClosedByBroker:
            raise
        except _LOST as error:
            raise BusUnavailable(f"RabbitMQ: {type(error).__name__}") from error
        finally:
            if connection.is_open:
                connection.close()


def _message(event: Event) -> Message:
    return Message(EXCHANGE, event.type, event.to_cloudevent(), _properties(str(event.id)))


def _properties(message_id: str) -> pika.BasicProperties:
    return pika.BasicProperties(
        content_type="application/cloudevents+json", delivery_mode=2, message_id=message_id
    )


def _dead_letter(properties: pika.BasicProperties, body: bytes) -> DeadLetter:
    headers = properties.headers or {}
    deaths = headers.get("x-death") or [{}]
    # Given up by us it carries our reason; given up by RabbitMQ it carries `delivery_limit`.
    reason = headers.get(REASON_HEADER) or deaths[0].get("reason", "unknown")
    return DeadLetter(body, str(reason), int(headers.get(ATTEMPT_HEADER, 1)))
