"""A changed route table is taken over in the running process, without a lost request."""

import json
import signal
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest


def digest(gateway: Any) -> str:
    return str(json.loads(gateway.ask("/health/ready").body)["routes"])


@pytest.fixture
def reloadable(start_gateway: Any, service_table: Any, shared_recorder: Any) -> tuple[Any, Path]:
    """A gateway of two processes, and its table."""
    table = service_table("echo", "URL", 'paths = ["/.well-known/jwks.json"]')
    gateway = start_gateway(table, {"URL": shared_recorder.url, "WEB_WORKERS": "2"})
    return gateway, gateway.log.parent / "routes.toml"


def reload(gateway: Any) -> None:
    gateway.process.send_signal(signal.SIGHUP)


def served_by_all(gateway: Any, target: str) -> bool:
    """Tell whether several connections in a row, of both processes, find the service."""
    return all(gateway.ask(target).status == 200 for _ in range(8))


def test_changed_table_is_used_and_no_request_is_lost(
    reloadable: Any, recorder: Any, service_table: Any, eventually: Any
) -> None:
    gateway, path = reloadable
    stop, answers = threading.Event(), []

    def ask_all_the_time() -> None:
        # One connection for all: a restarted process would have closed it.
        with gateway.wire() as wire:
            while not stop.is_set():
                wire.send(b"GET /api/echo/x HTTP/1.1\r\nHost: h\r\n\r\n")
                answers.append(wire.reply().status)

    clients = [threading.Thread(target=ask_all_the_time) for _ in range(4)]
    for client in clients:
        client.start()
    assert gateway.ask("/api/more/x").status == 404
    for number in range(5):
        path.write_text(path.read_text() + service_table(f"more{number}", "URL"))
        reload(gateway)
        eventually(partial(served_by_all, gateway, f"/api/more{number}/x"), timeout=30)
    stop.set()
    for client in clients:
        client.join(10)
    assert len(answers) > 50 and set(answers) == {200}


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ("[services.more\n", "at the end of a table declaration (at line 7, column 15)"),
        (
            '\n[services.more]\nprefix = "/more"\nupstream = "URL"\n',
            "line 9: services.more: prefix",
        ),
    ],
)
def test_wrong_table_is_refused_with_its_line_and_the_old_one_stays(
    reloadable: Any, recorder: Any, eventually: Any, wrong: str, line: str
) -> None:
    gateway, path = reloadable
    before = digest(gateway)
    path.write_text(path.read_text() + wrong)
    reload(gateway)
    eventually(lambda: "routes not reloaded, the old ones stay" in gateway.log.read_text())
    assert line in gateway.log.read_text()
    assert (digest(gateway), gateway.ask("/api/echo/x").status) == (before, 200)


def test_process_that_starts_later_uses_the_last_good_table(
    reloadable: Any, recorder: Any, eventually: Any
) -> None:
    import psutil

    gateway, path = reloadable
    before = digest(gateway)
    path.write_text("nonsense")
    workers = psutil.Process(gateway.process.pid).children()
    for worker in workers:
        worker.kill()
    psutil.wait_procs(workers, timeout=30)

    def answered() -> bool:
        try:
            return bool(gateway.ask("/api/echo/x").status == 200)
        except OSError:
            return False

    eventually(answered)
    assert digest(gateway) == before
