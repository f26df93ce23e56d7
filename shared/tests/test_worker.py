"""The worker of a service as a real process, on both brokers."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import create_engine, text

from chassis.database import transaction
from chassis.messaging import outbox
from chassis.request_id import set_request_id
from platform_cli.ports import free_port
from platform_cli.stores import valkey
from platform_cli.stores.launch import started

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
def environment(services: Any, redis_url: str) -> dict[str, str]:
    """The environment of a worker, on Redis."""
    return {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parent / "demo"),
        "PLATFORM_ENV": "testing",
        "DATABASE_URL": services.app("echo_service").config["SETTINGS"].database_url,
        "REDIS_URL": redis_url,
        "SECRET_KEY": "a secret of the test run",
        "WORKER_PORT": str(free_port()),
    }


@pytest.fixture
def echo(
    services: Any, environment: dict[str, str], broker_url: str, tmp_path: Path,
    eventually: Eventually,
) -> Iterator[tuple[Flask, WorkerProcess]]:  # fmt: skip
    """The echo service's app on a migrated database, and its worker when it is ready."""
    app: Flask = services.app("echo_service")
    with app.app_context(), transaction() as session:
        session.execute(text("TRUNCATE heard, outbox, inbox"))
    worker = WorkerProcess({**environment, "BROKER_URL": broker_url}, tmp_path / "worker.log")
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
        "database", "schema", "relay", "consumer", "ticker", "listening", "celery", "broker",
    }  # fmt: skip
    assert worker.heard("part listens")
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


def test_worker_whose_task_ends_while_redis_is_away_takes_tasks_when_it_is_back(
    services: Any, environment: dict[str, str], tmp_path: Path, eventually: Eventually
) -> None:
    app = services.app("echo_service")
    redis = valkey.Valkey(tmp_path / "valkey", free_port(), secrets.token_hex(16))
    redis.prepare()
    running = (redis.command(), redis.ready, tmp_path / "valkey.log")
    # The only slot is taken when Redis goes away, and its task cannot be acknowledged.
    settings = {**environment, "BROKER_URL": redis.url, "WORKER_CONCURRENCY": "1"}
    with ExitStack() as stack:
        with started(*running):
            worker = WorkerProcess(settings, tmp_path / "worker.log")
            stack.callback(worker.end, signal.SIGKILL)
            with app.app_context(), transaction() as session:
                session.execute(text("TRUNCATE heard, outbox, inbox"))
                outbox.enqueue(session, "echo.slow", seconds=2)
            eventually(lambda: worker.heard("slow begins"), timeout=20)
        eventually(lambda: "Couldn't ack" in worker.log.read_text())
        stack.enter_context(started(*running))
        with app.app_context(), transaction() as session:
            outbox.enqueue(session, "echo.note", what="back")
        eventually(lambda: worker.heard("task back"), timeout=30)
    assert len(worker.heard("slow ends")) == 1


# A worker whose Celery turns its event loop but asks for no tasks.
STARVED = """
from kombu.transport import redis
from chassis.worker import Worker
from echo_service import create_app
redis.QoS.can_consume = lambda qos: False
worker = Worker(create_app())
worker._celery._patience = 5
worker.run()
"""


def test_celery_that_takes_no_tasks_ends_the_process(environment: dict[str, str]) -> None:
    assert _reason_of_end(environment, STARVED) == ("celery", "stalled")


# A worker with one part more, which ends or says nothing although it goes on.
BROKEN = """
import sys, threading
from chassis.worker import Worker
from chassis.worker.parts import Part
from echo_service import create_app
worker = Worker(create_app())
def hang(stop, beat):
    # As the thread of a pool does whose work never ends: Python would wait for it.
    threading.Thread(target=threading.Event().wait).start()
    stop.wait()
work = {"ended": lambda stop, beat: None, "stalled": lambda stop, beat: stop.wait(), "hung": hang}
worker._parts.append(Part("broken", work[sys.argv[1]], worker._stop, patience=0.5))
worker.run()
"""


@pytest.mark.parametrize(
    ("work", "trouble"), [("ended", "ended"), ("stalled", "stalled"), ("hung", "stalled")]
)
def test_part_that_dies_or_stalls_ends_the_process(
    environment: dict[str, str], work: str, trouble: str
) -> None:
    assert _reason_of_end(environment, BROKEN, work) == ("broken", trouble)


def _reason_of_end(environment: dict[str, str], script: str, *arguments: str) -> tuple[str, str]:
    """Run a worker that ends by itself; return which part it names and what was wrong with it."""
    command = [sys.executable, "-c", script, *arguments]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 70, ended.stderr
    lines = [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")]
    (reason,) = [line for line in lines if line["level"] == "critical"]
    return reason["part"], reason["trouble"]


def test_taken_port_is_told_and_ends_the_process(environment: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", int(environment["WORKER_PORT"]))):
        command = [sys.executable, "-m", "echo_service", "worker"]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=40)
    assert ended.returncode != 0
    assert "Address already in use" in ended.stdout + ended.stderr
