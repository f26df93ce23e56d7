"""Celery's worker with a pool of threads, in the main thread of the process."""

import importlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from celery import Celery, bootsteps, signals
from celery.worker import state
from flask import Flask
from sqlalchemy import Row

from chassis.tasks import Periodic, bind_celery, send_task

BEAT_SECONDS = 1.0


@dataclass(frozen=True)
class Tasks:
    """The Celery app of a service and what is sent periodically."""

    celery: Celery
    schedule: Sequence[Periodic]

    def send_row(self, row: Row[Any]) -> None:
        """Send a task of the outbox; raises BusUnavailable. Sent twice it has the same id."""
        send_task(
            self.celery,
            row.type,
            kwargs=row.payload,
            task_id=str(row.event_id),
            headers=row.headers,
        )

    def send_periodic(self, task: str, every: float) -> None:
        """Send a periodic task that expires when the next one is due; raises BusUnavailable."""
        send_task(self.celery, task, expires=every)


def load_tasks(dotted_name: str, app: Flask) -> Tasks:
    """Import a service's `tasks` module and bind its `celery`; `SCHEDULE` is optional."""
    module = importlib.import_module(dotted_name)
    bind_celery(module.celery, app)
    return Tasks(module.celery, tuple(getattr(module, "SCHEDULE", ())))


def run_celery(celery: Celery, beat: Callable[[], None], stop: threading.Event) -> int:
    """Run the worker until SIGTERM, or until `stop` and a call of `stop_celery`; return its code.

    The signal sets `stop`, and running tasks are finished (Celery's warm shutdown).
    """

    class Beat(bootsteps.StartStopStep):
        """Shows that Celery's event loop turns."""

        requires = frozenset({"celery.worker.components:Hub"})

        def register_with_event_loop(self, _worker: Any, hub: Any) -> None:
            beat()
            hub.call_repeatedly(BEAT_SECONDS, beat)

    def stopping(**_: Any) -> None:
        stop.set()

    def keep_logging(**_: Any) -> None:
        """Being connected keeps Celery from setting up logging of its own."""

    signals.worker_shutting_down.connect(stopping)
    signals.setup_logging.connect(keep_logging)
    celery.steps["worker"].add(Beat)
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


def stop_celery() -> None:
    """Ask Celery in the main thread for a warm shutdown; it looks at its next turn."""
    if state.should_stop is None:
        state.should_stop = 0
