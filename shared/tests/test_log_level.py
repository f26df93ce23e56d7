"""The level of the logs changes in every process of a running service, and goes back."""

import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from chassis import log_level
from platform_cli.ports import free_port

ROOT = Path(__file__).parents[2]
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def client(redis_url: str) -> Iterator[Any]:
    client = log_level.connect(redis_url)
    yield client
    client.delete("loglevel:demo")
    client.close()


@pytest.fixture
def environment(
    postgres_url: Callable[[str], str],
    redis_url: str,
    upstream: Any,
    jwks: dict[str, Any],
    respond: Callable[..., Any],
    tmp_path: Path,
) -> dict[str, str]:
    """The environment of a demo service whose processes share a log file."""
    upstream.answer = respond(200, json.dumps(jwks).encode())
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{ROOT / 'shared'}:{ROOT / 'shared/tests/demo'}",
        "DATABASE_URL": postgres_url("levels"),
        "REDIS_URL": redis_url,
        "SECRET_KEY": "a secret of this test",
        "JWKS_URL": f"{upstream.url}/.well-known/jwks.json",
        "PORT": str(free_port()),
        "WORKER_PORT": str(free_port()),
        "WEB_WORKERS": "2",
        "LOG_FILE": str(tmp_path / "{service}.log"),
    }


@pytest.fixture
def url(environment: dict[str, str], eventually: Callable[..., None]) -> Iterator[str]:
    """The running service: two web processes behind this URL, and a worker."""
    command = [sys.executable, "-m", "demo_service"]
    quiet = {"env": environment, "stdout": subprocess.DEVNULL}
    subprocess.run([*command, "migrate"], check=True, timeout=60, **quiet)  # type: ignore[call-overload]
    processes = [subprocess.Popen([*command, role], **quiet) for role in ("web", "worker")]  # type: ignore[call-overload]
    ports = [environment[name] for name in ("PORT", "WORKER_PORT")]
    eventually(lambda: all(is_ready(port) for port in ports), timeout=60)
    yield f"http://127.0.0.1:{ports[0]}"
    for process in processes:
        process.send_signal(signal.SIGTERM)
    assert [process.wait(30) for process in processes] == [0, 0]


def is_ready(port: str) -> bool:
    try:
        answer = requests.get(f"http://127.0.0.1:{port}/health/ready", timeout=5)
    except requests.ConnectionError:
        return False
    return answer.status_code == 200


def test_all_processes_take_the_level_and_go_back(
    url: str, tmp_path: Path, client: Any, auth: Any, eventually: Callable[..., None]
) -> None:
    def lines(event: str) -> list[dict[str, Any]]:
        found = [json.loads(line) for line in (tmp_path / "demo.log").read_text().splitlines()]
        assert [line["logger"] for line in found if line["logger"].startswith("urllib3")] == []
        return [line for line in found if line["event"] == event]

    def changes(to: str) -> int:
        return len([line for line in lines("log level changed") if line["to"] == to])

    requests.get(f"{url}/api/demo/hot", headers=auth(), timeout=5)
    assert lines("statement") == [] and len(lines("request")) == 1

    log_level.set_level(client, "demo", "debug")
    eventually(lambda: changes("DEBUG") == 3)
    requests.get(f"{url}/api/demo/hot", headers=auth(), timeout=5)
    (line,) = [line for line in lines("statement") if "FROM widgets" in line["statement"]]
    assert line["request_id"] == lines("request")[-1]["request_id"] and line["ms"] > 0

    log_level.set_level(client, "demo", "default")
    eventually(lambda: changes("INFO") == 3)
    before = len(lines("statement"))
    requests.get(f"{url}/api/demo/hot", headers=auth(), timeout=5)
    assert len(lines("statement")) == before


@pytest.fixture
def watch(redis_url: str) -> Iterator[log_level.LevelWatch]:
    """A watch that looks when it is told to; the root logger is put back afterwards."""
    root = logging.getLogger()
    before = root.level
    root.setLevel("INFO")
    watch = log_level.LevelWatch("demo", "INFO", redis_url)
    yield watch
    root.setLevel(before)


def test_another_service_and_what_is_no_level_change_nothing(
    watch: log_level.LevelWatch, client: Any
) -> None:
    log_level.set_level(client, "orders", "DEBUG")
    client.set("loglevel:demo", "LOUD")
    watch.look()
    assert logging.getLogger().level == logging.INFO
    client.delete("loglevel:orders")
    with pytest.raises(log_level.BadLevel, match="no level LOUD; there are DEBUG, INFO, WARNING"):
        log_level.set_level(client, "demo", "LOUD")


def test_the_level_stays_while_redis_is_away(
    watch: log_level.LevelWatch, client: Any, closed_port: int
) -> None:
    log_level.set_level(client, "demo", "ERROR")
    watch.look()
    away = log_level.LevelWatch("demo", "INFO", f"redis://127.0.0.1:{closed_port}/0")
    away.look()
    assert logging.getLogger().level == logging.ERROR


def test_the_command_for_containers_sets_and_refuses(
    redis_url: str, client: Any, tmp_path: Path
) -> None:
    (tmp_path / "redis_url").write_text(redis_url)

    def call(*arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "chassis.log_level", *arguments],
            env={"REDIS_URL_FILE": str(tmp_path / "redis_url"), "PYTHONPATH": str(ROOT / "shared")},
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.returncode, done.stdout + done.stderr

    assert call("demo", "warning") == (0, "demo: WARNING\n")
    assert log_level.read_levels(client, ["demo", "other"]) == {
        "demo": "WARNING",
        "other": "default",
    }
    status, said = call("demo", "LOUD")
    assert status == 1 and "no level LOUD" in said
    assert log_level.read_levels(client, ["demo"]) == {"demo": "WARNING"}
    assert call("demo", "default") == (0, "demo: default\n")
    assert call("demo")[0] == 2
