"""The worker of a service as a real process, on both brokers."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import create_engine, text

from chassis.database import transaction
from chassis.messaging import outbox
from chassis.request_id import set_request_id
from platform_cli.ports import free_port

Eventually = Callable[..., None]


class WorkerProcess:
    """`python -m echo_service worker`, its health endpoint, and what it has heard."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self.environment, self.log = environment, log
        self.port = int(environment["WORKER_PORT"])
        self._engine = create_engine(environment["DATABASE_URL"], isolation_level="AUTOCOMMIT")
        self.process = self.run("worker")

    def run(self, role: str) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as output:
            command = [sys.executable, "-m", "echo_service", role]
            return subprocess.Popen(command, env=self.environment, stdout=output, stderr=output)

    def health(self, path: str = "/health/ready") -> tuple[int, dict[str, Any]]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)
        except OSError:
            return 0, {}

    def heard(self, what: str) -> list[str | None]:
        """The request ids under which `what` was heard."""
        with self._engine.connect() as connection:
            query = text("SELECT request_id FROM heard WHERE what = :what")
            return list(connection.scalars(query, {"what": what}))

    def end(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(30)
        finally:
            self._engine.dispose()


@pytest.fixture(scope="module", params=["redis", "rabbitmq"])
def broker_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def echo(
    services: Any, broker_url: str, redis_url: str, tmp_path: Path, eventually: Eventually
) -> Iterator[tuple[Flask, WorkerProcess]]:
    """The echo service's app on a migrated database, and its worker when it is ready."""
    app: Flask = services.app("echo_service")
    config = app.config["SETTINGS"]
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parent / "demo"),
        "PLATFORM_ENV": "testing",
        "DATABASE_URL": config.database_url,
        "REDIS_URL": redis_url,
        "BROKER_URL": broker_url,
        "SECRET_KEY": "a secret of the test run",
        "WORKER_PORT": str(free_port()),
    }
    with app.app_context(), transaction() as session:
        session.execute(text("TRUNCATE heard, outbox, inbox"))
    worker = WorkerProcess(environment, tmp_path / "worker.log")
    try:
        eventually(lambda: worker.health()[0] == 200, timeout=20)
        yield app, worker
    finally:
        worker.end(signal.SIGKILL)


def test_worker_relays_events_and_tasks_and_handles_them(
    echo: tuple[Flask, WorkerProcess], eventually: Eventually
) -> None:
    app, worker = echo
    set_request_id("request-0001")
    try:
        with app.app_context(), transaction() as session:
            outbox.record(session, "echo.said.v1", "1", {"what": "hello"})
            outbox.record(session, "echo.whispered.v1", "1", {"what": "nothing"})
            outbox.enqueue(session, "echo.note", what="later")
    finally:
        set_request_id(None)
    eventually(lambda: worker.heard("event hello") and worker.heard("task later"))
    assert worker.heard("event hello") == ["request-0001"]
    assert worker.heard("task later") == ["request-0001"]
    # Periodic tasks come by themselves, each under an id of its own.
    eventually(lambda: len(worker.heard("tick")) >= 2)
    assert len(set(worker.heard("tick"))) == len(worker.heard("tick"))
    with app.app_context(), transaction() as session:
        assert outbox.count_pending(session) == 0


def test_worker_tells_the_state_of_its_parts(echo: tuple[Flask, WorkerProcess]) -> None:
    _, worker = echo
    assert worker.health("/health/live") == (200, {"status": "ok"})
    assert worker.health("/nothing")[0] == 404
    status, document = worker.health()
    assert (status, document["status"], document["service"]) == (200, "ok", "echo")
    assert set(document["checks"]) == {
        "database", "schema", "relay", "consumer", "ticker", "celery", "broker",
    }  # fmt: skip
    assert all(check["ok"] for check in document["checks"].values())


def test_sigterm_finishes_the_running_task(
    echo: tuple[Flask, WorkerProcess], eventually: Eventually
) -> None:
    app, worker = echo
    with app.app_context(), transaction() as session:
        outbox.enqueue(session, "echo.slow", seconds=1)
    eventually(lambda: worker.heard("slow begins"))
    assert worker.end() == 0, worker.log.read_text()
    assert len(worker.heard("slow ends")) == 1
