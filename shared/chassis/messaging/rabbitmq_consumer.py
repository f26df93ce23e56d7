"""Consuming from one queue of RabbitMQ over one connection, until it is told to stop or it fails.

pika answers heartbeats only inside its loop, so messages are handled from a second thread, and
their acknowledgements come back through `add_callback_threadsafe`.
"""

import logging
import queue
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pika
from pika.exceptions import AMQPError

from chassis.messaging.bus import (
    Beat,
    BusOptions,
    BusUnavailable,
    Decision,
    Delivery,
    Handler,
    Published,
    Verdict,
)
from chassis.messaging.lanes import Lanes
from chassis.messaging.rabbitmq_publisher import ConfirmedPublisher, Message
from chassis.messaging.rabbitmq_topology import (
    ATTEMPT_HEADER,
    REASON_HEADER,
    dead_queue_name,
    declare_consumer,
    queue_name,
    retry_queue_name,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Subscription:
    """Who consumes what, and how."""

    consumer: str
    types: frozenset[str]
    handler: Handler
    options: BusOptions
    beat: Beat


@dataclass(frozen=True)
class _Incoming:
    tag: int
    redelivered: bool
    message_id: str
    delivery: Delivery


class ConsumingSession:
    """One connection's life; `moved` publishes what goes to a retry or the dead letter queue."""

    def __init__(
        self, subscription: Subscription, parameters: pika.URLParameters, moved: ConfirmedPublisher
    ) -> None:
        self._subscription, self._moved = subscription, moved
        self._inbound: queue.SimpleQueue[_Incoming | None] = queue.SimpleQueue()
        self._failure: Exception | None = None
        self._finish = threading.Event()
        self._worker = threading.Thread(target=self._work, name="event-handler", daemon=True)
        self._connection = pika.BlockingConnection(parameters)
        self._channel = self._connection.channel()
        self._tag = ""

    def run(self, stop: threading.Event) -> None:
        """Consume until `stop`; then what is in hand is finished and acknowledged.

        Raises AMQPError, OSError or BusUnavailable when a connection is lost.
        """
        subscription = self._subscription
        declare_consumer(
            self._channel, subscription.consumer, subscription.types, subscription.options
        )
        # After a crash all messages that were held count as delivered once more. Holding one at a
        # time until the first fresh message lets only the one that kills the process reach the
        # delivery limit, and spares those behind it.
        self._consume(prefetch=1)
        self._worker.start()
        try:
            while not stop.is_set() and self._failure is None:
                self._connection.process_data_events(time_limit=0.5)
                if self._inbound.empty():
                    subscription.beat()
        finally:
            self._end()
        if self._failure is not None:
            raise self._failure

    def _consume(self, prefetch: int) -> None:
        if self._tag:
            self._channel.basic_cancel(self._tag)
        self._channel.basic_qos(prefetch_count=prefetch)
        self._tag = self._channel.basic_consume(
            queue_name(self._subscription.consumer), self._receive
        )

    def _receive(self, _channel: Any, method: Any, properties: Any, body: bytes) -> None:
        attempt = (properties.headers or {}).get(ATTEMPT_HEADER, 1)
        delivery = Delivery(body, attempt if isinstance(attempt, int) else 1)
        message_id = properties.message_id or ""
        self._inbound.put(_Incoming(method.delivery_tag, method.redelivered, message_id, delivery))

    def _end(self) -> None:
        self._finish.set()
        self._inbound.put(None)
        try:
            while self._worker.is_alive() and self._connection.is_open:
                self._connection.process_data_events(time_limit=0.05)
            if self._connection.is_open:
                self._connection.process_data_events(time_limit=0)
                self._connection.close()
        except (AMQPError, OSError):
            # Unacknowledged messages come again, and the inbox knows them.
            logger.info("connection lost while ending")

    def _work(self) -> None:
        """Handle what has come, again and again; runs in the second thread."""
        options = self._subscription.options
        slow_start = True
        try:
            with Lanes(self._subscription.handler, options.threads) as lanes:
                while incoming := self._next():
                    self._handle(lanes, incoming, slow_start)
                    slow_start = slow_start and incoming[0].redelivered
        # Handed to `run`, which ends the session; the messages are not acknowledged.
        except Exception as error:
            self._failure = error

    def _next(self) -> list[_Incoming]:
        """Wait for messages and return those that are there; none at the end.

        Half of what is held at most, so that the other half is on its way meanwhile.
        """
        found = [self._inbound.get()]
        while len(found) < self._subscription.options.prefetch // 2 and not self._inbound.empty():
            found.append(self._inbound.get())
        ended = None in found or self._finish.is_set()
        return [] if ended else [one for one in found if one is not None]

    def _handle(self, lanes: Lanes, incoming: list[_Incoming], slow_start: bool) -> None:
        deliveries = [one.delivery for one in incoming]
        for made in filter(None, lanes.handle(deliveries, self._finish)):
            for place, decision in made:
                if decision.verdict in (Verdict.RETRY, Verdict.DEAD):
                    self._move(incoming[place], decision)
            if slow_start and not incoming[0].redelivered:
                # Before the acknowledgement: nothing else is under way then that a cancelled
                # consumer would have to give back.
                self._in_loop(partial(self._consume, self._subscription.options.prefetch))
            self._in_loop(partial(self._acknowledge, [incoming[place].tag for place, _ in made]))
            self._subscription.beat()

    def _acknowledge(self, tags: list[int]) -> None:
        for tag in tags:
            self._channel.basic_ack(tag)

    def _in_loop(self, callback: Any) -> None:
        self._connection.add_callback_threadsafe(callback)

    def _move(self, incoming: _Incoming, decision: Decision) -> None:
        """Publish a copy and wait for its confirm; the original is acknowledged after that."""
        target = self._target(decision)
        properties = pika.BasicProperties(
            content_type="application/cloudevents+json",
            delivery_mode=2,
            message_id=incoming.message_id or f"delivery-{incoming.tag}",
            headers={ATTEMPT_HEADER: decision.attempt, REASON_HEADER: decision.reason},
        )
        message = Message("", target, incoming.delivery.body, properties)
        (outcome,) = self._moved.publish([message])
        if outcome is not Published.CONFIRMED:
            raise BusUnavailable(f"{target} did not take the message: {outcome.value}")

    def _target(self, decision: Decision) -> str:
        consumer, delays = self._subscription.consumer, self._subscription.options.retry_delays
        if decision.verdict is Verdict.DEAD:
            return dead_queue_name(consumer)
        return retry_queue_name(consumer, nearest(delays, decision.delay))


def nearest(delays: Iterable[float], delay: float) -> float:
    """Return the declared delay that is closest to the one wanted."""
    return min(delays, key=lambda declared: abs(declared - delay))
