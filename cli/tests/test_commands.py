"""The commands against a platform of small programs, supervised in a process of its own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner, Result

from platform_cli.__main__ import cli
from platform_cli.commands.logs import tail
from platform_cli.commands.status import uptime
from platform_cli.errors import PlatformError
from platform_cli.supervisor import leftovers
from platform_cli.supervisor.start import rotate
from platform_cli.supervisor.state import ProcessState, State, StateFolder

PLATFORM = """
import pathlib, sys
from platform_cli.child import Command
from platform_cli.supervisor.options import Options
from platform_cli.supervisor.process import Process, Stage
from platform_cli.supervisor.start import supervise
from platform_cli.supervisor.state import StateFolder

options = Options(var=pathlib.Path(sys.argv[1]))
states = StateFolder(options.folders.run)

def row(name, stage):
    script = f"echo hello from {name}; exec sleep 300"
    return Process(name=name, stage=stage, command=lambda: Command(argv=("sh", "-c", script)))

rows = [row("store", Stage.STORE), row("orders-web", Stage.SERVICE), row("gateway", Stage.EDGE)]
options.folders.make()
with states.held():
    supervise(rows, options, states, lambda state: None)
"""


@pytest.fixture
def platform(folder: Path, eventually: Callable[..., None]) -> Iterator[subprocess.Popen[bytes]]:
    """A supervisor in a process of its own, when its three children are ready."""
    states = StateFolder(folder / "run")
    with subprocess.Popen([sys.executable, "-c", PLATFORM, str(folder)]) as process:
        try:
            eventually(lambda: (state := states.read()) is not None and state.phase == "ready")
            yield process
        finally:
            process.kill()


def call(*arguments: str, **options: str) -> Result:
    return CliRunner().invoke(cli, arguments, **options)  # type: ignore[arg-type]


def test_status_lists_every_process_with_pid_health_and_memory(
    folder: Path, platform: subprocess.Popen[bytes]
) -> None:
    result = call("status", "--json", "--var", str(folder))
    state = json.loads(result.output)
    assert [row["name"] for row in state["processes"]] == ["store", "orders-web", "gateway"]
    assert {row["phase"] for row in state["processes"]} == {"ready"}
    assert all(psutil.pid_exists(row["pid"]) for row in state["processes"])
    assert all(row["memory"] > 50_000 for row in state["processes"])
    table = call("status", "--var", str(folder)).output.splitlines()
    assert table[0].split() == [
        "PROCESS", "PID", "PORT", "HEALTH", "UPTIME", "RESTARTS", "MEMORY",
    ]  # fmt: skip
    assert table[2].split()[:4] == [
        "orders-web",
        str(state["processes"][1]["pid"]),
        "-",
        "ready",
    ]


def test_restart_of_a_service_gives_it_a_new_process(
    folder: Path, platform: subprocess.Popen[bytes]
) -> None:
    before = {row.name: row.pid for row in rows(folder)}
    result = call("restart", "orders", "--var", str(folder))
    after = {row.name: row.pid for row in rows(folder)}
    assert result.output == f"orders-web is ready again (pid {after['orders-web']})\n"
    assert after["orders-web"] != before["orders-web"]
    assert after["store"] == before["store"]
    assert psutil.pid_exists(before["orders-web"] or 0) is False


def rows(folder: Path) -> tuple[ProcessState, ...]:
    state = StateFolder(folder / "run").read()
    assert state is not None
    return state.processes


def test_restart_of_something_unknown_names_what_there_is(
    folder: Path, platform: subprocess.Popen[bytes]
) -> None:
    result = call("restart", "carts", "--var", str(folder))
    assert str(result.exception) == "no process carts; there are store, orders-web, gateway"


def test_down_ends_everything_and_can_be_repeated(
    folder: Path, platform: subprocess.Popen[bytes]
) -> None:
    pids = [row.pid or 0 for row in rows(folder)]
    assert call("down", "--var", str(folder)).output.startswith("Stopped in ")
    assert platform.wait(5) == 0
    assert [pid for pid in pids if psutil.pid_exists(pid)] == []
    assert call("down", "--var", str(folder)).output == "The platform is not running.\n"


def test_a_service_that_was_stopped_alone_stays_so_until_it_is_restarted(
    folder: Path, platform: subprocess.Popen[bytes]
) -> None:
    result = call("down", "orders", "--var", str(folder))
    assert result.output == "Stopped orders-web; ./platform restart orders starts it again.\n"
    assert {row.name: row.phase for row in rows(folder)} == {
        "store": "ready",
        "orders-web": "stopped",
        "gateway": "ready",
    }
    assert call("restart", "orders", "--var", str(folder)).exit_code == 0
    assert {row.phase for row in rows(folder)} == {"ready"}


@pytest.mark.parametrize("detach", [[], ["--detach"]], ids=["foreground", "detached"])
def test_a_second_up_says_so_in_one_line(
    folder: Path, platform: subprocess.Popen[bytes], detach: list[str]
) -> None:
    result = call("up", *detach, "--var", str(folder))
    assert str(result.exception) == (
        f"the platform is running already (pid {platform.pid}); see ./platform status"
    )


def test_without_a_platform_status_says_how_to_start_it(folder: Path) -> None:
    result = call("status", "--var", str(folder))
    assert isinstance(result.exception, PlatformError)
    assert str(result.exception) == "the platform is not running; start it with ./platform up"


def test_foreseen_failures_are_one_line_and_exit_code_1(folder: Path) -> None:
    command = [sys.executable, "-m", "platform_cli", "status", "--var", str(folder)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert (result.returncode, result.stdout, result.stderr) == (
        1,
        "",
        "platform: the platform is not running; start it with ./platform up\n",
    )


def test_logs_show_the_end_of_one_or_of_all(
    folder: Path, platform: subprocess.Popen[bytes], eventually: Callable[..., None]
) -> None:
    eventually(lambda: call("logs", "gateway", "--var", str(folder)).output != "")
    assert call("logs", "gateway", "--var", str(folder)).output == "hello from gateway\n"
    everything = call("logs", "--var", str(folder)).output.splitlines()
    assert "store      | hello from store" in everything


def test_the_tail_of_a_log_longer_than_one_block(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"".join(b"line %d\n" % number for number in range(1000)))
    with log.open("rb") as file:
        assert list(tail(file, 2, block=16)) == [b"line 998\n", b"line 999\n"]
        assert file.read() == b""
        assert len(list(tail(file, 5000, block=16))) == 1000
        assert list(tail(file, 0)) == []


def test_a_large_log_of_earlier_runs_is_put_aside(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    log.touch()
    rotate(log)
    assert log.exists()
    os.truncate(log, 21 * 2**20)
    rotate(log)
    assert [path.name for path in tmp_path.iterdir()] == ["web.log.1"]


def test_reset_asks_and_then_deletes_only_what_is_the_platforms(folder: Path) -> None:
    for name in ("data/postgres/file", "log/web.log", "run/state.json", "secrets.json", "mine.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    refused = call("reset", "--var", str(folder), input="n\n")
    assert refused.exit_code == 1
    assert (folder / "data/postgres/file").exists()
    assert call("reset", "--var", str(folder), input="y\n").exit_code == 0
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]


def test_reset_refuses_while_the_platform_runs(
    folder: Path, platform: subprocess.Popen[bytes]
) -> None:
    result = call("reset", "--yes", "--var", str(folder))
    assert str(result.exception) == (
        f"the platform is running (pid {platform.pid}); ./platform down comes first"
    )
    assert (folder / "run/state.json").exists()


def test_leftovers_of_a_killed_supervisor_are_ended_and_strangers_are_not() -> None:
    with sleeping() as left, sleeping() as stranger:
        now = time.time()
        state = State(
            pid=1,
            phase="ready",
            gateway="",
            processes=(row("left", left.pid, now), row("reused", stranger.pid, now - 3600)),
        )
        leftovers.clear(state, patience=0.1)
        assert not psutil.pid_exists(left.pid)
        assert stranger.poll() is None


@contextmanager
def sleeping() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "300"], start_new_session=True) as process:
        try:
            yield process
        finally:
            process.kill()


def row(name: str, pid: int, started_at: float) -> ProcessState:
    return ProcessState(
        name=name, phase="ready", pid=pid, port=None, started_at=started_at, restarts=0, error=""
    )


def test_uptimes_are_told_in_the_two_largest_units() -> None:
    assert [uptime(seconds) for seconds in (0, 59.9, 61, 3600, 90061)] == [
        "0 s",
        "59 s",
        "1 min 1 s",
        "1 h",
        "1 d 1 h",
    ]
