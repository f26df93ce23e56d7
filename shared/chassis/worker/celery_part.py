"""Celery's worker with a pool of threads, in the main thread of the process."""

import importlib
import logging
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from celery import Celery, bootsteps, signals
from celery.exceptions import CPendingDeprecationWarning
from celery.worker import state
from flask import Flask
from sqlalchemy import Row

from chassis.celery_app import TaskSender, bind_celery
from chassis.rpc.catalogue import Catalogue
from chassis.rpc.celery_message import CONTRACT_HEADER, queue_of
from chassis.tasks import Periodic

BEAT_SECONDS = 1.0


ServicePart = Callable[[Flask, threading.Event, Callable[[], None]], None]
"""Work of a service in a thread of the worker, until the event is set; calls `beat` on the way."""


class Tasks:
    """The Celery app of a service, what is sent periodically, and the senders of two threads.

    parts: threads of the service itself, by name.
    """

    def __init__(
        self, celery: Celery, schedule: Sequence[Periodic], parts: Mapping[str, ServicePart]
    ) -> None:
        self.celery, self.schedule, self.parts = celery, schedule, parts
        self.exposed = Catalogue(celery.tasks)
        self._of_relay, self._of_ticker = TaskSender(celery), TaskSender(celery)

    def send_row(self, row: Row[Any]) -> None:
        """Send a task of the outbox; raises BusUnavailable. Sent twice it has the same id."""
        options: dict[str, Any] = {"task_id": str(row.event_id), "headers": row.headers}
        service = row.type.partition(".")[0]
        if service != self.celery.main:
            # Another service's: the queue is made where that has not run yet, and keeps the task.
            options["queue"] = queue_of(service)
            options["headers"] = {**row.headers, CONTRACT_HEADER: 0}
        self._of_relay.send(row.type, kwargs=row.payload, **options)

    def send_periodic(self, task: str, every: float) -> None:
        """Send a periodic task that expires when the next one is due; raises BusUnavailable."""
        self._of_ticker.send(task, expires=every)

    def close(self) -> None:
        """Close the senders' connections."""
        self._of_relay.close()
        self._of_ticker.close()


def load_tasks(dotted_name: str, app: Flask) -> Tasks:
    """Import a service's `tasks` module and bind its `celery`; `SCHEDULE`, `PARTS` are optional."""
    module = importlib.import_module(dotted_name)
    bind_celery(module.celery, app)
    schedule = tuple(getattr(module, "SCHEDULE", ()))
    return Tasks(module.celery, schedule, getattr(module, "PARTS", {}))


def run_celery(celery: Celery, beat: Callable[[], None], stop: threading.Event) -> int:
    """Run the worker until SIGTERM, or until `stop` and a call of `stop_celery`; return its code.

    The signal sets `stop`, and running tasks are finished (Celery's warm shutdown).
    """

    class Beat(bootsteps.StartStopStep):
        """Shows that Celery makes progress."""

        requires = frozenset({"celery.worker.components:Hub"})

        def register_with_event_loop(self, worker: Any, hub: Any) -> None:
            beat()
            hub.call_repeatedly(BEAT_SECONDS, lambda: beat() if _makes_progress(worker) else None)

    def stopping(**_: Any) -> None:
        stop.set()

    def keep_logging(**_: Any) -> None:
        """Being connected keeps Celery from setting up logging of its own."""

    signals.worker_shutting_down.connect(stopping)
    signals.setup_logging.connect(keep_logging)
    celery.steps["worker"].add(Beat)
    # Two lines for each tick of each periodic task would hide the rest.
    for name in ("celery.worker.strategy", "celery.app.trace"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # Said at each loss of the broker. The setting it praises needs a pool of processes.
    warnings.filterwarnings("ignore", category=CPendingDeprecationWarning)
    worker = celery.Worker(
        pool="threads",
        concurrency=celery.conf.worker_concurrency,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        quiet=True,
    )
    worker.start()
    return int(worker.exitcode or 0)


def _makes_progress(worker: Any) -> bool:
    """Tell whether Celery has tasks in hand or would take one; its event loop turns either way."""
    if state.reserved_requests:
        return True
    channel = getattr(worker.consumer.task_consumer, "channel", None)
    # RabbitMQ counts itself, there the channel of the client has no `qos`.
    qos = getattr(channel, "qos", None)
    return qos is None or bool(qos.can_consume())


def stop_celery() -> None:
    """Ask Celery in the main thread for a warm shutdown; it looks at its next turn."""
    if state.should_stop is None:
        state.should_stop = 0
