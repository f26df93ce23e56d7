"""What the supervisor tells others (state file, lock) and what others ask of it (restarts)."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO

from platform_cli.errors import PlatformError

# How long those who ask whether a supervisor runs may keep a new one from starting.
ASKING_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class ProcessState:
    """One row of `status`. started_at: seconds since the epoch, 0 when it does not run."""

    name: str
    phase: str
    pid: int | None
    port: int | None
    started_at: float
    restarts: int
    error: str


@dataclass(frozen=True, kw_only=True)
class State:
    """The whole platform: phase is starting, ready, stopping or failed (then with an error)."""

    pid: int
    phase: str
    gateway: str
    options: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    processes: tuple[ProcessState, ...] = ()


class StateFolder:
    """The files below var/run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._state = folder / "state.json"
        self._lock = folder / "supervisor.lock"
        self._restarts = folder / "restart"
        self._stops = folder / "stop"

    def write(self, state: State) -> None:
        """Replace the state file as a whole, so that a reader never sees half of it."""
        draft = self._state.with_suffix(".new")
        draft.write_text(json.dumps(asdict(state), indent=1))
        draft.replace(self._state)

    def read(self) -> State | None:
        """Return the last state written, or None."""
        try:
            values = json.loads(self._state.read_text())
            rows = tuple(ProcessState(**row) for row in values.pop("processes"))
            return State(**values, processes=rows)
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return None

    def alive(self) -> int | None:
        """Return the pid of the supervisor if one runs."""
        try:
            with self._lock.open("r+") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    return int(lock.read() or 0) or None
        except FileNotFoundError:
            pass
        return None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Be the supervisor; raises PlatformError if there is one. The kernel ends it with us."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._lock.open("a+") as lock:
            self._take_lock(lock)
            lock.seek(0)
            lock.truncate()
            lock.write(str(os.getpid()))
            lock.flush()
            yield

    def _take_lock(self, lock: TextIO) -> None:
        deadline = time.monotonic() + ASKING_SECONDS
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError as error:
                # It may be somebody who only asks, such as `status`: `alive` has it for a moment.
                if (pid := self.alive()) or time.monotonic() > deadline:
                    raise already_running(pid) from error
            time.sleep(0.01)

    def ask_restart(self, names: list[str]) -> None:
        """Leave a request that the supervisor takes up at its next round."""
        _leave(self._restarts, names)

    def ask_stop(self, names: list[str]) -> None:
        """Leave a request to stop processes until their restart is asked for."""
        _leave(self._stops, names)

    def take_restarts(self) -> list[str]:
        """Return the names asked for since the last call."""
        return _take(self._restarts)

    def take_stops(self) -> list[str]:
        """Return the names that are to stop, asked for since the last call."""
        return _take(self._stops)


def _leave(folder: Path, names: list[str]) -> None:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).touch()


def _take(folder: Path) -> list[str]:
    names = []
    if folder.is_dir():
        for request in folder.iterdir():
            request.unlink(missing_ok=True)
            names.append(request.name)
    return names


def already_running(pid: int | None) -> PlatformError:
    """Return the error of a second `up`."""
    return PlatformError(f"the platform is running already (pid {pid}); see ./platform status")
