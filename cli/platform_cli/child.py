"""Child processes that die with their parent, and how to end them in an orderly way."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

CHILD_EXEC = Path(__file__).with_name("child_exec.py")
NOBODY = 65534
SIGTERM = int(signal.SIGTERM)


@dataclass(frozen=True, kw_only=True)
class Command:
    """How a program is started and ended.

    env: added to the parent's environment.
    death_signal: what the kernel sends it when the parent dies.
    as_nobody: a program that refuses to run as root is started as nobody then.
    stop_timeout: seconds between the stop signal and SIGKILL.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    death_signal: int = signal.SIGKILL
    stop_signal: int = signal.SIGTERM
    stop_timeout: float = 30.0
    as_nobody: bool = False

    def full_argv(self) -> list[str]:
        """Return the arguments that start the program bound to this process."""
        options = [str(int(self.death_signal)), str(os.getpid())]
        if self.as_nobody and os.geteuid() == 0:
            options.append("as-nobody" if user_namespaces() else "as-nobody-by-uid")
        # -I -S: neither the folder, the environment nor site-packages, so it starts in some 15 ms.
        return [sys.executable, "-I", "-S", str(CHILD_EXEC), *options, "--", *self.argv]


@cache
def user_namespaces() -> bool:
    """Tell whether root can make a user namespace; containers often refuse it.

    PLATFORM_USER_NAMESPACES=no makes Postgres run under the uid of nobody instead.
    """
    if os.environ.get("PLATFORM_USER_NAMESPACES") == "no":
        return False
    probe = (
        f"import ctypes, runpy; program = runpy.run_path({str(CHILD_EXEC)!r});"
        "raise SystemExit(not program['enter_user_namespace'](ctypes.CDLL(None)))"
    )
    command = [sys.executable, "-I", "-S", "-c", probe]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def spawn(command: Command, log: Path) -> subprocess.Popen[bytes]:
    """Start a command in a session of its own, appending its output to a log file.

    Raises RuntimeError off the main thread: the kernel ties a child's life to the *thread* that
    started it, so a child of another thread would be killed when that thread ends.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("Children are started from the main thread only.")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            command.full_argv(),
            env={**os.environ, **command.env},
            cwd=command.cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def run(command: Command, *, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and return it with its whole output; timeout in seconds."""
    return subprocess.run(
        command.full_argv(),
        env={**os.environ, **command.env},
        cwd=command.cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill what an ended child left behind in its session, so that its port is free again."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def stop(process: subprocess.Popen[bytes], command: Command) -> int:
    """End a child with its own signal, then by SIGKILL after its timeout; return its exit code."""
    if process.poll() is None:
        process.send_signal(command.stop_signal)
        try:
            process.wait(command.stop_timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    end_group(process)
    return process.returncode
