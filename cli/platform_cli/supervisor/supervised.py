"""The life of one process under supervision, as a state machine that never waits."""

import signal
import subprocess
import time
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

from platform_cli import child
from platform_cli.stores.launch import last_line
from platform_cli.supervisor.process import Process

FIRST_DELAY, LONGEST_DELAY = 0.5, 15.0
# Seconds after which a process counts as recovered, so that its next restart is quick again.
RECOVERED_AFTER = 30.0


class Phase(StrEnum):
    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    UNREADY = "unready"
    BACKING_OFF = "restarting"
    STOPPING = "stopping"
    STOPPED = "stopped"
    DONE = "done"


ALIVE = (Phase.STARTING, Phase.READY, Phase.UNREADY, Phase.STOPPING)


def back_off(failures: int) -> float:
    """Return the seconds to wait before the next start after `failures` ends in a row."""
    return min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** max(0, failures - 1))


class Supervised:
    """One process of the topology and what has become of it."""

    def __init__(self, process: Process, log: Path) -> None:
        self.process, self.log = process, log
        self.phase = Phase.WAITING
        self.popen: subprocess.Popen[bytes] | None = None
        self.command: child.Command | None = None
        self.wanted = True
        self.was_ready = False
        self.started_at = 0.0
        self.failures = self.restarts = 0
        self.error = ""
        self._retry_at = self._kill_at = self._since = 0.0

    @property
    def pid(self) -> int | None:
        return self.popen.pid if self.popen and self.phase in ALIVE else None

    @property
    def settled(self) -> bool:
        """Whether those that wait for it may start."""
        return self.phase in (Phase.READY, Phase.DONE)

    def start(self) -> None:
        """Start the process; raises PlatformError when it cannot be prepared."""
        self._since = time.monotonic()
        try:
            self.process.prepare()
            self.command = self.process.command()
            self.popen = child.spawn(self.command, self.log)
        except OSError as error:
            # Such as a full disk: other processes go on, and this one is tried again.
            self._back_off(f"cannot start: {error.strerror} {error.filename or ''}".rstrip())
            return
        self.started_at, self.phase = time.time(), Phase.STARTING

    def mark_ready(self, ready: bool) -> None:
        """Take the answer of the probe."""
        if ready and self.phase in (Phase.STARTING, Phase.UNREADY):
            if self.phase is Phase.STARTING:
                self.process.when_ready()
            self.phase, self.was_ready, self.error = Phase.READY, True, ""
        elif not ready and self.phase is Phase.READY:
            self.phase = Phase.UNREADY

    def ask_to_stop(self, again: bool = False) -> None:
        """Send the stop signal; with `again` it starts once more after it has ended."""
        self.wanted = again
        if self.popen and self.command and self.pid:
            self.phase = Phase.STOPPING
            self._kill_at = time.monotonic() + self.command.stop_timeout
            self.popen.send_signal(self.command.stop_signal)
        elif self.phase is not Phase.DONE:
            self.phase = Phase.WAITING if again else Phase.STOPPED

    def kill(self) -> None:
        """End the process at once."""
        if self.popen:
            with suppress(ProcessLookupError):
                self.popen.send_signal(signal.SIGKILL)

    def observe(self) -> None:
        """Notice that the process has ended, that its pause or its time to stop is over."""
        now = time.monotonic()
        if self.popen and self.phase in ALIVE and self.popen.poll() is not None:
            child.end_group(self.popen)
            self._ended(self.popen.returncode)
        elif self.popen and self.phase is Phase.STOPPING and now > self._kill_at:
            self.kill()
        elif self.phase is Phase.BACKING_OFF and now >= self._retry_at:
            self.phase = Phase.WAITING

    def _ended(self, code: int) -> None:
        if self.phase is Phase.STOPPING:
            self.phase = Phase.WAITING if self.wanted else Phase.STOPPED
            return
        if self.process.once and code == 0:
            self.phase = Phase.DONE
            return
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        self._back_off(f"{how}: {last_line(self.log)}")

    def _back_off(self, error: str) -> None:
        self.error = error
        recovered = time.monotonic() - self._since > RECOVERED_AFTER
        self.failures = 1 if recovered else self.failures + 1
        self.restarts += 1
        self._retry_at = time.monotonic() + back_off(self.failures)
        self.phase = Phase.BACKING_OFF
