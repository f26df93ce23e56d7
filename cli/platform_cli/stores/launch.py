"""What all stores share: starting one for a `with` block, and saying why it failed."""

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from platform_cli import child
from platform_cli.errors import PlatformError

_FATAL = re.compile(r"(FATAL|PANIC):.*")


class StoreError(PlatformError):
    """A store that cannot be found, prepared or started; the message is one line for people."""


def last_line(log: Path) -> str:
    """Return the line at the end of a log that says why a program ended, for an error message.

    Postgres tells it before its last line, as FATAL or PANIC; others, such as Python, in the last.
    """
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 8192))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return "no output"
    said = [line.strip() for line in lines if line.strip()] or ["no output"]
    fatal = [match.group() for line in said[-10:] if (match := _FATAL.search(line))]
    return (fatal or said)[-1][:300]


@contextmanager
def started(
    command: child.Command, ready: Callable[[], bool], log: Path, *, timeout: float = 60.0
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server for the length of the block; timeout: seconds until it must be ready."""
    process = child.spawn(command, log)
    try:
        deadline = time.monotonic() + timeout
        while not ready():
            if process.poll() is not None:
                raise StoreError(f"{Path(command.argv[0]).name} ended: {last_line(log)}")
            if time.monotonic() > deadline:
                raise StoreError(f"{Path(command.argv[0]).name} was not ready in {timeout:.0f} s")
            time.sleep(0.02)
        yield process
    finally:
        child.stop(process, command)
