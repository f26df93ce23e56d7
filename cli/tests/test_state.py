import errno
import fcntl
import os
from pathlib import Path
from typing import TextIO

import pytest

from platform_cli.child import Command
from platform_cli.errors import PlatformError
from platform_cli.supervisor.options import Options
from platform_cli.supervisor.process import Process, Stage
from platform_cli.supervisor.start import supervise
from platform_cli.supervisor.state import ProcessState, State, StateFolder


def state(phase: str) -> State:
    row = ProcessState(
        name="web", phase="ready", pid=7, port=5001, started_at=1.5, restarts=2, error=""
    )
    return State(pid=1, phase=phase, gateway="http://127.0.0.1:5000", processes=(row,))


def test_a_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)
    written = state("starting")
    assert folder.read() is None
    folder.write(written)
    assert folder.read() == written
    (tmp_path / "state.json").write_text("half {")
    assert folder.read() is None


def test_restart_requests_are_taken_once(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)
    assert folder.take_restarts() == []
    folder.ask_restart(["orders-web"])
    assert folder.take_restarts() == ["orders-web"]
    assert folder.take_restarts() == []


class AskedAtOnce(StateFolder):
    """A folder whose lock `asking` holds until the supervisor has found it taken."""

    asking: TextIO

    def alive(self) -> int | None:
        fcntl.flock(self.asking, fcntl.LOCK_UN)
        return super().alive()


def test_who_asks_for_a_supervisor_keeps_none_from_starting(tmp_path: Path) -> None:
    folder = AskedAtOnce(tmp_path)
    with (tmp_path / "supervisor.lock").open("a+") as folder.asking:
        fcntl.flock(folder.asking, fcntl.LOCK_SH)
        with folder.held():
            assert folder.alive() == os.getpid()


def test_a_second_supervisor_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)
    with folder.held(), pytest.raises(PlatformError, match=f"pid {os.getpid()}"), folder.held():
        pass


class FullDisk(StateFolder):
    """A folder on a disk that has room again after some writes."""

    failures = 3

    def write(self, state: State) -> None:
        self.failures -= 1
        if self.failures >= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        super().write(state)


def test_a_full_disk_ends_nothing_and_the_state_is_written_later(folder: Path) -> None:
    options = Options(var=folder)
    options.folders.make()
    states = FullDisk(options.folders.run)
    row = Process(name="web", stage=Stage.SERVICE, command=lambda: Command(argv=("sleep", "300")))
    supervise([row], options, states, lambda state: None, stop_when_ready=True)
    assert states.failures < 0
    written = states.read()
    assert written is not None
    assert [(one.name, one.phase) for one in written.processes] == [("web", "stopped")]
