"""Calls taken from RabbitMQ: acknowledged when answered, so that a lost worker's are noticed."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from threading import Event as Stop
from typing import Any

import pika
from pika.exceptions import AMQPError

from chassis.messaging.backoff import Backoff
from chassis.messaging.bus import BusOptions
from chassis.messaging.rabbitmq_topology import connection_parameters
from chassis.rpc.link import call_queue
from chassis.rpc.receiver import FINISH_SECONDS, Answer

logger = logging.getLogger(__name__)

_LOST = (AMQPError, OSError)
# Names and arguments must not change: a queue that exists with others refuses its declaration.
# Durable, so that a call finds it while the only worker starts anew; its messages are not.
_ARGUMENTS = {"x-max-length": 1000, "x-overflow": "reject-publish"}


class RabbitMQReceiver:
    """See `chassis.rpc.receiver.Receiver`."""

    def __init__(self, broker_url: str, service: str, answer: Answer, threads: int) -> None:
        self._parameters = connection_parameters(broker_url, BusOptions(), f"{service} calls")
        self._service, self._answer, self._threads = service, answer, threads

    def run(self, stop: Stop, beat: Callable[[], None]) -> None:
        """Take calls until `stop`."""
        backoff = Backoff()
        while not stop.is_set():
            try:
                session = _Session(self._parameters, self._service, self._answer, self._threads)
                backoff.reset()
                session.run(stop, beat)
            except _LOST as error:
                beat()
                wait = backoff.next()
                ids = {"reason": f"{type(error).__name__}: {error}"[:300], "wait": round(wait, 1)}
                logger.warning("calls lost the broker, will reconnect", extra=ids)
                stop.wait(wait)


class _Session:
    """One connection's life. The broker hands over no more calls than there are threads."""

    def __init__(
        self, parameters: pika.URLParameters, service: str, answer: Answer, threads: int
    ) -> None:
        self._answer, self._threads = answer, threads
        self._running = 0
        self._connection = pika.BlockingConnection(parameters)
        try:
            self._channel = self._connection.channel()
            self._channel.queue_declare(call_queue(service), durable=True, arguments=_ARGUMENTS)
            self._channel.basic_qos(prefetch_count=threads)
            self._pool = ThreadPoolExecutor(threads, "rpc")
            self._tag = self._channel.basic_consume(call_queue(service), self._receive)
        except _LOST:
            self._close()
            raise

    def run(self, stop: Stop, beat: Callable[[], None]) -> None:
        """Take calls until `stop`; raises AMQPError or OSError when the connection is lost."""
        try:
            while not stop.is_set():
                self._connection.process_data_events(time_limit=0.5)
                beat()
            self._channel.basic_cancel(self._tag)
            end = time.monotonic() + FINISH_SECONDS
            while self._running and time.monotonic() < end:
                self._connection.process_data_events(time_limit=0.1)
        finally:
            self._close()
            self._pool.shutdown(wait=False)

    def _close(self) -> None:
        """Close the connection; where only the channel was lost it is still open."""
        with suppress(*_LOST):
            if self._connection.is_open:
                self._connection.close()

    def _receive(self, _channel: Any, method: Any, properties: Any, body: bytes) -> None:
        self._running += 1
        self._pool.submit(self._work, method, properties.reply_to, body)

    def _work(self, method: Any, reply_to: str | None, body: bytes) -> None:
        """Answer one call; runs in a thread of the pool."""
        answered = self._answer(body, again=method.redelivered)
        # Where the connection is gone the call goes to another worker, marked as redelivered.
        with suppress(*_LOST):
            finish = partial(self._finish, method.delivery_tag, reply_to, answered)
            self._connection.add_callback_threadsafe(finish)

    def _finish(self, tag: int, reply_to: str | None, answered: Any) -> None:
        self._running -= 1
        if answered is not None and reply_to:
            call, reply = answered
            properties = pika.BasicProperties(correlation_id=call.id)
            # Without `mandatory`: nobody minds where the caller is gone.
            self._channel.basic_publish("", reply_to, reply, properties)
        self._channel.basic_ack(tag)
