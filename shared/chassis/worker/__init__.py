"""A service's background process: Celery, the outbox relay, the event consumer and the ticker,
and what the service itself runs in threads.

All are safe to run several times over. They share a process because four of them for each service
would need more memory than everything else together; each has connections of its own.
"""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from flask import Flask
from sqlalchemy.orm import Session

from chassis.database import transaction
from chassis.health import check_database
from chassis.messaging.bus import BusOptions, connect_bus
from chassis.messaging.consumer import Consumer
from chassis.messaging.inbox import EventHandler
from chassis.messaging.relay import Relay, RelayOptions
from chassis.migrations import expected_head
from chassis.rpc.answering import Answerer
from chassis.rpc.receiver import connect_receiver
from chassis.worker.celery_part import Tasks, load_tasks, run_celery, stop_celery
from chassis.worker.health import BrokerCheck, serve
from chassis.worker.parts import Part
from chassis.worker.ticker import Ticker

logger = logging.getLogger(__name__)

# Shorter than the supervisor's patience, so that we end by ourselves and say why.
SHUTDOWN_SECONDS = 25.0
LAST_SECONDS = 5.0
EXIT_FAILED = 70  # EX_SOFTWARE of sysexits.h


def run(app: Flask) -> None:
    """Run the worker of a service until SIGTERM; its main thread belongs to Celery.

    On SIGTERM every part finishes what it has in hand. Raises SystemExit with a non-zero status
    when a part has died or shown no progress for a minute: the supervisor starts the process again.
    """
    Worker(app).run()


class Worker:
    """The parts of one process, and who watches them."""

    def __init__(self, app: Flask) -> None:
        self._app, self._service = app, app.extensions["platform"]
        self._config = app.config["SETTINGS"]
        self._stop, self._ended = threading.Event(), threading.Event()
        self._failed = False
        options = BusOptions(threads=self._config.event_threads)
        self._bus = connect_bus(self._config.effective_broker_url, options)
        self._broker = BrokerCheck(self._bus)
        self._tasks = load_tasks(self._service.tasks, app) if self._service.tasks else None
        self._parts = list(self._build(self._tasks))
        self._celery = Part("celery", None, self._stop)

    def run(self) -> None:
        """Run all parts, the main thread's last; raises SystemExit when one has failed."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop.set())
        server = serve(self._config.host, self._config.worker_port, self.report)
        for part in self._parts:
            part.start()
        threading.Thread(target=self._watch, name="watch", daemon=True).start()
        logger.info("worker started", extra={"parts": [part.name for part in self._parts]})
        try:
            self._run_main()
        finally:
            self._stop.set()
            self._end()
            server.shutdown()
        if self._failed:
            sys.exit(EXIT_FAILED)

    def report(self) -> tuple[dict[str, Any], bool]:
        """Return the health document, and whether the worker is ready.

        A broker that is away only degrades it: everything goes on when it is back.
        """
        with self._app.app_context():
            checks = check_database(lambda: expected_head(self._app))
        checks.update({part.name: part.status() for part in self._all_parts()})
        ready = all(check["ok"] for check in checks.values()) and not self._stop.is_set()
        checks["broker"] = self._broker.status()
        status = "unavailable" if not ready else "ok" if checks["broker"]["ok"] else "degraded"
        return {"status": status, "service": self._service.name, "checks": checks}, ready

    def _build(self, tasks: Tasks | None) -> Iterator[Part]:
        service, url = self._service, self._config.database_url
        unconsumed = frozenset(getattr(service.events, "UNCONSUMED", ()))
        options = RelayOptions(source=f"/{service.name}", unconsumed=unconsumed)
        relay = Relay(url, self._bus, options, tasks.send_row if tasks else None)
        yield Part("relay", relay.run, self._stop)
        handlers = dict(getattr(service.events, "CONSUMES", {}))
        if handlers:
            yield Part("consumer", self._consumer(handlers), self._stop)
        if tasks is not None and tasks.exposed:
            answer, threads = Answerer(self._app, tasks.exposed), self._config.worker_concurrency
            broker_url = self._config.effective_broker_url
            calls = connect_receiver(broker_url, service.name, answer, threads)
            yield Part("calls", calls.run, self._stop)
        if tasks is not None and tasks.schedule:
            ticker = Ticker(url, tasks.schedule, tasks.send_periodic)
            yield Part("ticker", ticker.run, self._stop)
        for name, run in (tasks.parts if tasks else {}).items():
            yield Part(name, partial(run, self._app), self._stop)

    def _consumer(self, handlers: dict[str, EventHandler]) -> Any:
        name = self._service.name
        consumer = Consumer(name, handlers, self._transaction)
        return lambda stop, beat: self._bus.consume(name, handlers, consumer, stop, beat)

    @contextmanager
    def _transaction(self) -> Iterator[Session]:
        """Open a transaction in an app context of its own: one for each message."""
        with self._app.app_context(), transaction() as session:
            yield session

    def _run_main(self) -> None:
        if self._tasks is None:
            self._stop.wait()
        elif not self._stop.is_set() and run_celery(
            self._tasks.celery, self._celery.beat, self._stop
        ):
            self._fail("celery", "ended")

    def _all_parts(self) -> list[Part]:
        return self._parts if self._tasks is None else [*self._parts, self._celery]

    def _watch(self) -> None:
        """Look at the parts once a second; end the process if it does not end in time."""
        while not self._stop.wait(1.0):
            for part in self._all_parts():
                if part is self._celery and part.trouble and not self._broker.status()["ok"]:
                    # Celery waits for the broker inside its own code and shows no progress then.
                    part.beat()
                elif part.trouble and not self._stop.is_set():
                    self._fail(part.name, part.trouble)
        stop_celery()
        if not self._ended.wait(SHUTDOWN_SECONDS):
            logger.critical("worker did not end in time")
            os._exit(EXIT_FAILED)
        if self._failed:
            # Python waits for the threads of pools, and one of them may be what hangs.
            time.sleep(LAST_SECONDS)
            logger.error("worker left threads behind")
            os._exit(EXIT_FAILED)

    def _fail(self, part: str, trouble: str) -> None:
        logger.critical("worker ends because of a part", extra={"part": part, "trouble": trouble})
        self._failed = True
        self._stop.set()

    def _end(self) -> None:
        deadline = time.monotonic() + SHUTDOWN_SECONDS
        for part in self._parts:
            if not part.join(deadline - time.monotonic()):
                logger.error("part did not end", extra={"part": part.name})
                self._failed = True
        self._bus.close()
        if self._tasks is not None:
            self._tasks.close()
        self._ended.set()
        logger.info("worker ended")
