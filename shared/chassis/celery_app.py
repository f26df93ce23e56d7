"""Celery for work that a service does later: one app a service, on RabbitMQ or Redis.

Only the worker process imports this, a web process has no use for Celery. A request never sends a
task: it writes one with `chassis.messaging.outbox.enqueue`, and the relay sends it. The broker may
lose a task all the same, so that periodic tasks find due work in the database.
"""

from contextlib import ExitStack
from typing import Any

import celery as celery_package
from celery import Celery
from flask import Flask, has_app_context
from kombu.exceptions import OperationalError
from kombu.transport import TRANSPORT_ALIASES

from chassis import spans
from chassis.messaging.bus import BusUnavailable
from chassis.request_id import accept_request_id, set_request_id
from chassis.rpc.catalogue import Catalogue
from chassis.rpc.celery_message import CONTRACT_HEADER, queue_of
from chassis.tracing import accept_traceparent, set_traceparent

# Seconds until Redis gives a task of a dead worker to another one. A task that runs for longer is
# run twice; long work is therefore cut into steps.
VISIBILITY_SECONDS = 120

_SETTINGS: dict[str, Any] = {
    # A pickled message would run code of whoever can reach the broker.
    "task_serializer": "json",
    "result_serializer": "json",
    "accept_content": ["json"],
    "result_accept_content": ["json"],
    "task_ignore_result": True,
    # A task is acknowledged when it has ended: one that dies with its worker comes again, and tasks
    # are idempotent.
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    "worker_prefetch_multiplier": 1,
    # Only processes can be ended from outside. A pool of threads takes notice of neither, its tasks
    # are bounded by the timeouts of the database and of every call.
    "task_soft_time_limit": 90,
    "task_time_limit": 100,
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    # The relay and the ticker are the retry; a hidden one would block them.
    "task_publish_retry": False,
    "broker_connection_timeout": 4,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "broker_heartbeat": 30,
    # No broadcast queues: nobody sends remote control commands, and they are two more connections.
    "worker_enable_remote_control": False,
    "worker_send_task_events": False,
    "worker_hijack_root_logger": False,
    "worker_redirect_stdouts": False,
    "worker_soft_shutdown_timeout": 10,
    "worker_enable_soft_shutdown_on_idle": True,
    "enable_utc": True,
    "timezone": "UTC",
}
_REDIS_OPTIONS = {
    "visibility_timeout": VISIBILITY_SECONDS,
    # With the defaults a lost task came back after 100 s instead of `visibility_timeout`.
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_timeout": 10,
    "socket_connect_timeout": 3,
    "socket_keepalive": True,
}


# Under the schemes' own names, because kombu derives the use of TLS from the name of the transport.
_REDIS_TRANSPORT = "chassis.redis_transport:Transport"
TRANSPORT_ALIASES.update(redis=_REDIS_TRANSPORT, rediss=_REDIS_TRANSPORT)


class ServiceTask(celery_package.Task):
    """A task in the service's app context, under the ids of the request that caused it.

    rpc, contract, idempotent: see `chassis.tasks.create_celery`.
    """

    rpc = False
    contract = 1
    idempotent = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with ExitStack() as stack:
            # A test that calls the task as a function has a context of its own.
            if not has_app_context():
                stack.enter_context(self.app.flask_app.app_context())
                set_request_id(accept_request_id(self.request.get("requestid")))
                set_traceparent(accept_traceparent(self.request.get("traceparent")))
                stack.callback(set_request_id, None)
                stack.callback(set_traceparent, None)
                said = {"messaging.message.id": self.request.id or ""}
                stack.enter_context(spans.span(self.name, spans.CONSUMER, said))
            if self.request.get(CONTRACT_HEADER) is not None:
                self._check(args, kwargs)
            return self.run(*args, **kwargs)

    def _check(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Refuse what another service sent and may not, or means otherwise."""
        exposed = Catalogue({self.name: self}).find(self.name)
        exposed.check(self.request.get(CONTRACT_HEADER), list(args), kwargs)


def create_celery(name: str) -> Celery:
    """Return the Celery app of a service; it is connected by `bind_celery`.

    name: the service's public name; the queue is `<name>.tasks`. It is a durable classic queue:
    with quorum queues Celery declares 28 more for delays.
    """
    queue = queue_of(name)
    app = Celery(name, task_cls=ServiceTask, set_as_current=False)
    app.conf.update(
        _SETTINGS,
        task_default_queue=queue,
        task_default_exchange=queue,
        task_default_routing_key=queue,
        task_default_exchange_type="direct",
    )
    return app


def bind_celery(app: Celery, flask_app: Flask) -> None:
    """Give a Celery app its broker and its Flask app, from the service's settings."""
    config = flask_app.config["SETTINGS"]
    url = config.effective_broker_url
    amqp = url.startswith("amqp")
    app.flask_app = flask_app
    app.conf.update(
        broker_url=url,
        broker_transport_options={"confirm_publish": True} if amqp else _REDIS_OPTIONS,
        worker_concurrency=config.worker_concurrency,
    )


class TaskSender:
    """Sends tasks from one thread over a connection of its own, which it drops when it fails.

    Celery's own pool keeps connections that RabbitMQ has closed, so that the next send fails too.
    """

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._producer: Any = None
        connection = app.connection_for_write()
        self._lost = (OperationalError, *connection.connection_errors, *connection.channel_errors)

    def send(self, name: str, **options: Any) -> None:
        """Send a task now; raises BusUnavailable when the broker does not take it.

        options: those of Celery's `send_task`.
        """
        try:
            if self._producer is None:
                # Nobody would answer heartbeats between two tasks.
                connection = self._app.connection_for_write(heartbeat=0)
                # One attempt; a producer that connects by itself tries for six seconds.
                connection.connect()
                self._producer = self._app.amqp.Producer(connection, auto_declare=False)
            # What Celery logs of a task is this text instead of its arguments.
            texts = {"argsrepr": "(...)", "kwargsrepr": "{...}"}
            self._app.send_task(name, producer=self._producer, retry=False, **texts, **options)
        except self._lost as error:
            self.close()
            raise BusUnavailable(f"Celery: {type(error).__name__}") from error

    def close(self) -> None:
        """Close the connection; the next task opens one."""
        producer, self._producer = self._producer, None
        if producer is not None and producer.connection is not None:
            producer.connection.collect()
