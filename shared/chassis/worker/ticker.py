"""Sends the periodic tasks of a service, on whichever replica holds the lock."""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from chassis.messaging.backoff import Backoff
from chassis.messaging.bus import BusUnavailable
from chassis.messaging.locks import TICKER_LOCK, held_lock
from chassis.tasks import Periodic

logger = logging.getLogger(__name__)

# How often the connection that holds the lock is checked.
CHECK_SECONDS = 1.0
RETRY_SECONDS = 5.0


class Ticker:
    """Runs in a thread of the worker.

    send: sends a task with the seconds after which it is no longer worth running, so that
    tasks do not pile up while no worker takes them. Raises BusUnavailable.
    """

    def __init__(
        self, database_url: str, schedule: Sequence[Periodic], send: Callable[[str, float], None]
    ) -> None:
        self._database_url, self._send = database_url, send
        self._due = dict.fromkeys(schedule, 0.0)

    def run(self, stop: threading.Event, beat: Callable[[], None] = lambda: None) -> None:
        """Send due tasks until `stop`; reconnects to the database by itself."""
        backoff = Backoff()
        while not stop.is_set():
            beat()
            try:
                with held_lock(self._database_url, TICKER_LOCK, stop, beat) as connection:
                    backoff.reset()
                    if connection is not None:
                        self._tick(connection, stop, beat)
            except SQLAlchemyError as error:
                logger.warning("ticker lost the database", extra={"reason": type(error).__name__})
                stop.wait(backoff.next())

    def _tick(
        self, connection: Connection, stop: threading.Event, beat: Callable[[], None]
    ) -> None:
        while not stop.is_set():
            # The lock lives as long as this connection does.
            connection.execute(text("SELECT 1"))
            self.send_due()
            beat()
            stop.wait(max(0.01, min(CHECK_SECONDS, self._seconds_left())))

    def _seconds_left(self) -> float:
        return min(self._due.values(), default=CHECK_SECONDS) - time.monotonic()

    def send_due(self) -> None:
        """Send what is due; a task that the broker does not take is tried again soon."""
        for periodic, due in self._due.items():
            if due > time.monotonic():
                continue
            try:
                self._send(periodic.task, periodic.every)
                wait = periodic.every
            except BusUnavailable as error:
                logger.warning(
                    "periodic task not sent",
                    extra={"task_name": periodic.task, "reason": str(error)[:300]},
                )
                wait = min(periodic.every, RETRY_SECONDS)
            self._due[periodic] = time.monotonic() + wait
