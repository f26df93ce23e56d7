"""`./platform loglevel` against a Valkey and the state of a platform that seems to run."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from click.testing import CliRunner

from platform_cli.__main__ import cli
from platform_cli.errors import PlatformError
from platform_cli.supervisor.state import ProcessState, State, StateFolder

SLEEP = ["sh", "-c", "echo; exec sleep 300"]


@pytest.fixture
def client(redis_url: str) -> Iterator[Any]:
    """What services would read from; emptied afterwards."""
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        yield client
        client.delete("loglevel:orders", "loglevel:gateway")


@pytest.fixture
def make_state(folder: Path) -> Iterator[Callable[[str | None], None]]:
    """Pretend that a platform runs whose processes were started with this Redis, or none."""
    states, started = StateFolder(folder / "run"), list[subprocess.Popen[bytes]]()

    def make(url: str | None) -> None:
        pid = None
        if url is not None:
            env = {**os.environ, "REDIS_URL": url, "LOG_LEVEL": "WARNING"}
            started.append(subprocess.Popen(SLEEP, env=env, stdout=subprocess.PIPE))
            assert started[0].stdout is not None and started[0].stdout.readline()
            pid = started[0].pid
        names = ("postgres", "orders-migrate", "orders-web", "orders-worker", "gateway")
        rows = tuple(
            ProcessState(
                name=name, phase="ready", pid=pid, port=None, started_at=0, restarts=0, error=""
            )
            for name in names
        )
        states.write(State(pid=1, phase="ready", gateway="", processes=rows))

    with states.held():
        yield make
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def call(folder: Path) -> Callable[..., tuple[str, str | None]]:
    """Return what the command says, and its refusal."""

    def run(*arguments: str) -> tuple[str, str | None]:
        result = CliRunner().invoke(cli, ["loglevel", *arguments, "--var", str(folder)])
        assert result.exception is None or isinstance(result.exception, PlatformError)
        return result.output, str(result.exception) if result.exception else None

    return run


def test_a_level_is_set_shown_and_goes_back(
    make_state: Callable[[str | None], None], call: Any, client: Any, redis_url: str
) -> None:
    make_state(redis_url)
    assert call() == ("orders   default (WARNING)\ngateway  default (WARNING)\n", None)
    assert call("orders", "debug") == ("orders  DEBUG\n", None)
    assert client.get("loglevel:orders") == "DEBUG"
    assert call() == ("orders   DEBUG\ngateway  default (WARNING)\n", None)
    assert call("gateway", "ERROR") == ("gateway  ERROR\n", None)
    assert call("orders", "default") == ("orders  default (WARNING)\n", None)
    assert client.get("loglevel:orders") is None
    assert call("gateway") == ("gateway  ERROR\n", None)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("carts", "DEBUG"), "no service carts; there are orders, gateway"),
        (("orders-web", "DEBUG"), "no service orders-web; there are orders, gateway"),
        (
            ("orders", "LOUD"),
            "no level LOUD; there are DEBUG, INFO, WARNING, ERROR, CRITICAL and default",
        ),
    ],
)
def test_what_is_unknown_is_refused_and_nothing_changes(
    make_state: Callable[[str | None], None],
    call: Any,
    client: Any,
    redis_url: str,
    arguments: tuple[str, ...],
    said: str,
) -> None:
    make_state(redis_url)
    assert call(*arguments) == ("", said)
    assert client.keys("loglevel:*") == []


def test_a_redis_that_is_away_or_a_stopped_platform_is_one_line(
    make_state: Callable[[str | None], None], call: Any
) -> None:
    make_state("redis://127.0.0.1:1/0")
    assert call("orders", "DEBUG") == ("", "Redis does not answer (ConnectionError)")
    make_state(None)
    assert call("orders", "DEBUG") == (
        "",
        "no service runs that could be asked: ./platform status",
    )
