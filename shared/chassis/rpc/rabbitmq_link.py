"""Calls over RabbitMQ: one connection of a process, in a thread of its own, shared by all callers.

Replies come by direct reply-to: no queue is declared, so that none is left behind. The thread
answers heartbeats and wakes the callers, who wait on events and so never longer than they want to.
"""

import logging
import os
import threading
import time
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pika
from pika.exceptions import AMQPError

from chassis.messaging.bus import BusOptions
from chassis.messaging.rabbitmq_topology import connection_parameters
from chassis.rpc.celery_message import CONTENT_TYPE, ENCODING, TaskMessage
from chassis.rpc.errors import CallTimeout, CallUnavailable, UnknownService
from chassis.rpc.link import call_queue
from chassis.rpc.messages import Call

logger = logging.getLogger(__name__)

REPLY_TO = "amq.rabbitmq.reply-to"
_OPTIONS = BusOptions(timeout=5.0)


@dataclass
class _Outgoing:
    """A message and what became of it; a task has no reply."""

    id: str
    exchange: str
    routing_key: str
    payload: bytes
    properties: pika.BasicProperties
    wants_reply: bool
    done: threading.Event = field(default_factory=threading.Event)
    outcome: str = ""
    reply: bytes = b""

    def end(self, outcome: str, reply: bytes = b"") -> None:
        if not self.done.is_set():
            self.outcome, self.reply = outcome, reply
            self.done.set()


class RabbitMQLink:
    """See `chassis.rpc.link.Link`."""

    def __init__(self, broker_url: str) -> None:
        self._parameters = connection_parameters(broker_url, _OPTIONS, "calls")
        self._wire: _Wire | None = None
        self._lock = threading.Lock()

    def call(self, service: str, call: Call, timeout: float) -> bytes:
        """Send a call and return its reply."""
        properties = pika.BasicProperties(
            content_type=CONTENT_TYPE,
            correlation_id=call.id,
            reply_to=REPLY_TO,
            # The broker drops what nobody has taken by then.
            expiration=str(max(1, round(timeout * 1000))),
        )
        outgoing = _Outgoing(call.id, "", call_queue(service), call.encode(), properties, True)
        wire = self._exchange(outgoing, timeout, service)
        if not outgoing.done.is_set():
            if wire.blocked:
                raise CallUnavailable("RabbitMQ takes no messages at the moment")
            raise CallTimeout(f"{call.task} did not answer within {timeout:.3g} seconds")
        return outgoing.reply

    def send(self, message: TaskMessage, timeout: float) -> None:
        """Return when RabbitMQ has stored the task."""
        properties = pika.BasicProperties(
            content_type=CONTENT_TYPE,
            content_encoding=ENCODING,
            headers=message.headers(),
            correlation_id=message.id,
            delivery_mode=2,
        )
        queue = message.queue
        outgoing = _Outgoing(message.id, "", queue, message.body(), properties, False)
        self._exchange(outgoing, timeout, message.task.partition(".")[0])
        if not outgoing.done.is_set():
            raise CallUnavailable("RabbitMQ did not confirm the task in time")

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            if self._wire is not None and self._wire.pid == os.getpid():
                self._wire.close()
            self._wire = None

    def _exchange(self, outgoing: _Outgoing, timeout: float, service: str) -> "_Wire":
        """Publish and wait until the message has its outcome or the time is over."""
        end = time.monotonic() + timeout
        wire = self._open_wire(end)
        wire.publish(outgoing)
        if not outgoing.done.wait(max(0.0, end - time.monotonic())):
            wire.forget(outgoing)
        elif outgoing.outcome == "returned":
            raise UnknownService(f"No service named {service} takes calls")
        elif outgoing.outcome == "refused":
            raise CallUnavailable(f"Too many calls wait for {service}")
        elif outgoing.outcome == "lost":
            raise CallUnavailable(f"RabbitMQ was lost: {wire.failure}"[:300])
        return wire

    def _open_wire(self, end: float) -> "_Wire":
        with self._lock:
            wire = self._wire
            # A forked child has the parent's socket, but not its thread.
            if wire is None or wire.failure or wire.pid != os.getpid():
                wire = self._wire = _Wire(self._parameters)
        if not wire.opened.wait(max(0.0, end - time.monotonic())):
            raise CallUnavailable("RabbitMQ did not open a connection in time")
        if wire.failure:
            raise CallUnavailable(f"RabbitMQ cannot be reached: {wire.failure}"[:300])
        return wire


class _Wire:
    """One connection and its thread. All `_on_` methods and what they call run in that thread."""

    def __init__(self, parameters: pika.URLParameters) -> None:
        self.failure = ""
        self.blocked = False
        self.pid = os.getpid()
        self.opened = threading.Event()
        self._waiting: dict[str, _Outgoing] = {}
        self._unconfirmed: dict[int, str] = {}
        self._channel: Any = None
        self._tag = 0
        self._connection = pika.SelectConnection(
            parameters,
            on_open_callback=self._on_connected,
            on_open_error_callback=self._on_closed,
            on_close_callback=self._on_closed,
        )
        threading.Thread(target=self._run, name="rpc-calls", daemon=True).start()

    def publish(self, outgoing: _Outgoing) -> None:
        self._in_loop(partial(self._send, outgoing))

    def forget(self, outgoing: _Outgoing) -> None:
        self._in_loop(partial(self._waiting.pop, outgoing.id, None))

    def close(self) -> None:
        self._in_loop(self._close)

    def _in_loop(self, callback: Any) -> None:
        self._connection.ioloop.add_callback_threadsafe(callback)

    def _run(self) -> None:
        try:
            self._connection.ioloop.start()
        # The outermost loop of the thread: whoever waits has to hear of any failure.
        except Exception as error:
            logger.exception("the connection for calls failed")
            self._fail(error)
        finally:
            self._connection.ioloop.close()

    def _close(self) -> None:
        if self._connection.is_open:
            self._connection.close()

    def _fail(self, error: object) -> None:
        self.failure = self.failure or f"{type(error).__name__}: {error}"
        self.opened.set()
        for outgoing in self._waiting.values():
            outgoing.end("lost")
        self._waiting.clear()

    def _on_connected(self, connection: pika.SelectConnection) -> None:
        connection.add_on_connection_blocked_callback(self._on_blocked)
        connection.add_on_connection_unblocked_callback(self._on_blocked)
        connection.channel(on_open_callback=self._on_channel)

    def _on_blocked(self, _connection: Any, frame: Any) -> None:
        self.blocked = isinstance(frame.method, pika.spec.Connection.Blocked)

    def _on_channel(self, channel: Any) -> None:
        self._channel = channel
        channel.add_on_close_callback(self._on_channel_closed)
        channel.add_on_return_callback(self._on_returned)
        channel.basic_consume(REPLY_TO, self._on_reply, auto_ack=True, callback=self._on_consuming)

    def _on_consuming(self, _frame: Any) -> None:
        self._channel.confirm_delivery(
            self._on_confirmed, callback=lambda _frame: self.opened.set()
        )

    def _on_channel_closed(self, _channel: Any, error: Exception) -> None:
        self._fail(error)
        self._close()

    def _on_closed(self, connection: pika.SelectConnection, error: Exception | str) -> None:
        self._fail(error)
        connection.ioloop.stop()

    def _send(self, outgoing: _Outgoing) -> None:
        if self.failure or not self._channel.is_open:
            outgoing.end("lost")
            return
        self._waiting[outgoing.id] = outgoing
        self._tag += 1
        self._unconfirmed[self._tag] = outgoing.id
        try:
            self._channel.basic_publish(
                outgoing.exchange,
                outgoing.routing_key,
                outgoing.payload,
                outgoing.properties,
                mandatory=True,
            )
        except AMQPError as error:
            self._fail(error)

    def _on_reply(self, _channel: Any, _method: Any, properties: Any, body: bytes) -> None:
        self._end(properties.correlation_id, "replied", body)

    def _on_returned(self, _channel: Any, _method: Any, properties: Any, _body: bytes) -> None:
        self._end(properties.correlation_id, "returned")

    def _on_confirmed(self, frame: Any) -> None:
        stored = isinstance(frame.method, pika.spec.Basic.Ack)
        tag = frame.method.delivery_tag
        answered = (
            [one for one in self._unconfirmed if one <= tag] if frame.method.multiple else [tag]
        )
        for one in answered:
            message_id = self._unconfirmed.pop(one, "")
            outgoing = self._waiting.get(message_id)
            if outgoing is not None and not (stored and outgoing.wants_reply):
                self._end(message_id, "confirmed" if stored else "refused")

    def _end(self, message_id: str, outcome: str, reply: bytes = b"") -> None:
        outgoing = self._waiting.pop(message_id, None)
        if outgoing is not None:
            outgoing.end(outcome, reply)
