"""Publishing to RabbitMQ in batches, with `mandatory` and one wait for all confirms of a batch.

A BlockingConnection confirms one message at a time (some 2,000 a second). Of the two ways around
it this is the public one: a SelectConnection in a thread of its own, whose callbacks collect the
confirms of a whole batch. It is within a tenth as fast as the other, the private `channel._impl`,
and its thread answers heartbeats while nothing is published.
"""

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pika
from pika.exceptions import AMQPError

from chassis.messaging.bus import BusUnavailable, Published
from chassis.messaging.rabbitmq_topology import EXCHANGE

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Message:
    """A message to publish; `properties.message_id` is unique within its batch."""

    exchange: str
    routing_key: str
    body: bytes
    properties: pika.BasicProperties


@dataclass
class _Batch:
    messages: Sequence[Message]
    outcomes: dict[str, Published] = field(default_factory=dict)
    waiting: dict[int, str] = field(default_factory=dict)
    done: threading.Event = field(default_factory=threading.Event)


class ConfirmedPublisher:
    """Publishes for one thread at a time; connects when needed, drops a failed connection."""

    def __init__(self, parameters: pika.URLParameters, timeout: float) -> None:
        self._parameters, self._timeout = parameters, timeout
        self._link: _Link | None = None
        self._lock = threading.Lock()

    def publish(self, messages: Sequence[Message]) -> list[Published]:
        """Publish in order and return the outcome of each; raises BusUnavailable.

        After an error some of the messages may have been stored: all have to be published again.
        """
        with self._lock:
            if self._link is None or self._link.failure:
                self._link = _Link(self._parameters)
            link, batch = self._link, _Batch(messages)
            try:
                link.publish(batch, self._timeout)
            except BusUnavailable:
                self._drop()
                raise
            return [batch.outcomes[message.properties.message_id] for message in messages]

    def close(self) -> None:
        """Close the connection, if there is one."""
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        if self._link is not None:
            self._link.close(self._timeout)
            self._link = None


class _Link:
    """One connection and its thread. All `_on_` methods and `_send` run in that thread."""

    def __init__(self, parameters: pika.URLParameters) -> None:
        self.failure: str = ""
        self._open = threading.Event()
        self._batch: _Batch | None = None
        self._channel: Any = None
        self._tag = 0
        self._connection = pika.SelectConnection(
            parameters,
            on_open_callback=self._on_connected,
            on_open_error_callback=self._on_closed,
            on_close_callback=self._on_closed,
        )
        self._thread = threading.Thread(target=self._run, name="rabbitmq-publisher", daemon=True)
        self._thread.start()

    def publish(self, batch: _Batch, timeout: float) -> None:
        """Send the batch and wait for its confirms; raises BusUnavailable."""
        if not self._open.wait(timeout):
            raise BusUnavailable("RabbitMQ did not open a channel in time")
        # Before the look at `failure`: a link that fails later than that sets the batch's `done`.
        self._batch = batch
        if self.failure:
            raise BusUnavailable(self.failure)
        self._connection.ioloop.add_callback_threadsafe(partial(self._send, batch))
        if not batch.done.wait(timeout):
            raise BusUnavailable("RabbitMQ did not confirm in time")
        if self.failure and len(batch.outcomes) < len(batch.messages):
            raise BusUnavailable(self.failure)

    def close(self, timeout: float) -> None:
        if self._thread.is_alive():
            self._connection.ioloop.add_callback_threadsafe(self._close_connection)
            self._thread.join(timeout)

    def _run(self) -> None:
        try:
            self._connection.ioloop.start()
        # The outermost loop of the thread: a publisher that waits has to hear of any failure.
        except Exception as error:
            logger.exception("publisher's connection failed")
            self._fail(error)
        finally:
            self._connection.ioloop.close()

    def _close_connection(self) -> None:
        if self._connection.is_closed:
            self._connection.ioloop.stop()
        elif not self._connection.is_closing:
            self._connection.close()

    def _fail(self, error: object) -> None:
        self.failure = self.failure or f"{type(error).__name__}: {error}"
        self._open.set()
        if self._batch is not None:
            self._batch.done.set()

    def _on_connected(self, connection: pika.SelectConnection) -> None:
        connection.channel(on_open_callback=self._on_channel)

    def _on_channel(self, channel: Any) -> None:
        self._channel = channel
        channel.add_on_close_callback(self._on_channel_closed)
        channel.add_on_return_callback(self._on_returned)
        channel.exchange_declare(
            EXCHANGE, exchange_type="topic", durable=True, callback=self._on_exchange
        )

    def _on_exchange(self, _frame: Any) -> None:
        self._channel.confirm_delivery(self._on_confirmed, callback=lambda _frame: self._open.set())

    def _on_channel_closed(self, _channel: Any, error: Exception) -> None:
        self._fail(error)
        self._close_connection()

    def _on_closed(self, connection: pika.SelectConnection, error: Exception | str) -> None:
        self._fail(error)
        connection.ioloop.stop()

    def _send(self, batch: _Batch) -> None:
        if self.failure or not self._channel.is_open:
            self._fail(ConnectionError("the connection to RabbitMQ was lost"))
            return
        for message in batch.messages:
            self._tag += 1
            batch.waiting[self._tag] = message.properties.message_id
            try:
                self._channel.basic_publish(
                    message.exchange,
                    message.routing_key,
                    message.body,
                    message.properties,
                    mandatory=True,
                )
            except AMQPError as error:
                self._fail(error)
                return

    def _on_returned(self, _channel: Any, _method: Any, properties: Any, _body: bytes) -> None:
        # RabbitMQ returns an unroutable message first and then confirms it all the same.
        if self._batch is not None:
            self._batch.outcomes[properties.message_id] = Published.UNROUTABLE

    def _on_confirmed(self, frame: Any) -> None:
        batch = self._batch
        if batch is None:
            return
        stored = isinstance(frame.method, pika.spec.Basic.Ack)
        outcome = Published.CONFIRMED if stored else Published.REFUSED
        tag = frame.method.delivery_tag
        answered = [t for t in batch.waiting if t <= tag] if frame.method.multiple else [tag]
        for answered_tag in answered:
            message_id = batch.waiting.pop(answered_tag, None)
            if message_id is not None:
                batch.outcomes.setdefault(message_id, outcome)
        if not batch.waiting:
            batch.done.set()
