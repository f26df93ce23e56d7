"""Calls over Redis: pushed to the service's list, answered in a list of the call's own."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from redis import ConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeout
from redis.retry import Retry

from chassis.rpc import redis_keys as keys
from chassis.rpc.celery_message import TaskMessage
from chassis.rpc.errors import CallTimeout, CallUnavailable, UnknownService
from chassis.rpc.link import call_queue
from chassis.rpc.messages import Call

# As many calls wait for a service at most, as on RabbitMQ.
MAX_WAITING = 1000
# Below this the server would round the time of a blocking read to none, which means for ever.
_SHORTEST = 0.001


class RedisLink:
    """See `chassis.rpc.link.Link`.

    Its connections are its own, each used by one call at a time: a client of redis-py bounds reads
    by one time-out for all of them, and here each call has another one.
    """

    def __init__(self, broker_url: str) -> None:
        self._template = ConnectionPool.from_url(
            broker_url, protocol=2, retry=Retry(NoBackoff(), 0), socket_keepalive=True
        )
        self._idle: list[Any] = []
        self._pid = os.getpid()
        self._lock = threading.Lock()

    def call(self, service: str, call: Call, timeout: float) -> bytes:
        """Send a call and return its reply."""
        end, body = time.monotonic() + timeout, call.encode()
        with self._connection(end) as ask:
            arguments = (service, body, max(1, round(timeout * 1000)), MAX_WAITING)
            taken = ask("EVAL", keys.PUSH, 1, call_queue(service), *arguments)
            if taken == 0:
                raise UnknownService(f"No service named {service} takes calls")
            if taken < 0:
                raise CallUnavailable(f"Too many calls wait for {service}")
            left = max(_SHORTEST, end - time.monotonic())
            try:
                answer = ask("BLPOP", keys.reply_name(call.id), f"{left:.3f}")
            except RedisTimeout:
                answer = None
            if answer is None:
                raise CallTimeout(f"{call.task} did not answer within {timeout:.3g} seconds")
            return bytes(answer[1])

    def send(self, message: TaskMessage, timeout: float) -> None:
        """Return when Redis has the task."""
        service = message.task.partition(".")[0]
        entry = message.redis_entry()
        with self._connection(time.monotonic() + timeout) as ask:
            if ask("EVAL", keys.SEND, 1, message.queue, service, entry) == 0:
                raise UnknownService(f"No service named {service} takes tasks")

    def close(self) -> None:
        """Close the idle connections."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.disconnect()

    @contextmanager
    def _connection(self, end: float) -> Iterator[Any]:
        """Lend a connection as a function that asks one command and waits no longer than `end`."""
        connection: Any = None
        healthy = False
        try:
            connection = self._take(end)

            def ask(*command: Any) -> Any:
                connection.send_command(*command)
                left = max(_SHORTEST, end - time.monotonic())
                return connection.read_response(timeout=left)

            yield ask
            healthy = True
        except (RedisError, OSError) as error:
            raise CallUnavailable(f"Redis cannot be reached: {type(error).__name__}") from error
        except UnknownService:
            healthy = True
            raise
        finally:
            # After a time-out the server still has a blocked reader: it goes with its connection.
            if healthy:
                self._idle.append(connection)
            elif connection is not None:
                connection.disconnect()

    def _take(self, end: float) -> Any:
        with self._lock:
            if self._pid != os.getpid():
                # A forked child must not read what its parent's connections bring.
                self._idle, self._pid = [], os.getpid()
            idle = self._idle.pop() if self._idle else None
        if idle is not None:
            if _is_quiet(idle):
                return idle
            idle.disconnect()
        left = max(_SHORTEST, end - time.monotonic())
        options = {
            **self._template.connection_kwargs,
            "socket_connect_timeout": left,
            "socket_timeout": left,
        }
        connection = self._template.connection_class(**options)
        connection.connect()
        return connection


def _is_quiet(connection: Any) -> bool:
    """Tell whether an idle connection is still good: to read where nothing was asked is its end."""
    try:
        return not connection.can_read(0)
    except (RedisError, OSError):
        return False
