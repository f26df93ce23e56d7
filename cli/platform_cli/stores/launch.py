"""What all stores share: starting one for a `with` block, and saying why it failed."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from platform_cli import child
from platform_cli.errors import PlatformError


class StoreError(PlatformError):
    """A store that cannot be found, prepared or started; the message is one line for people."""


def last_line(log: Path) -> str:
    """Return the last line of a log that says something, for an error message."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 8192))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return "no output"
    return next((line.strip() for line in reversed(lines) if line.strip()), "no output")


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
