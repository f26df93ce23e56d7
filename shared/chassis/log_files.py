"""A log file that several processes write, rotated by whichever of them finds it full.

Each line is one write to a descriptor opened for appending, so that lines of different processes do
not mix. Before it the path is looked at: where another process (or logrotate) has moved the file,
the new one is opened. A file for each process was rejected: with replicas, forks and restarts their
number would have no bound, and one would have to look into all of them.
"""

import fcntl
import logging
import os
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class LogFile:
    """Where lines go besides stdout. max_bytes: of one file; count: older ones that are kept."""

    path: str
    max_bytes: int
    count: int


class RotatedFile:
    """One process's hand on the file; threads share it. Raises OSError where it cannot be made."""

    def __init__(self, wanted: LogFile) -> None:
        self.path = Path(wanted.path)
        self._max_bytes, self._count = wanted.max_bytes, wanted.count
        self._lock = threading.Lock()
        self._failing = False
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = -1
        self._open()

    def write(self, data: bytes) -> None:
        """Append whole lines; what the disk does not take is lost, which stderr hears of once."""
        with self._lock:
            try:
                self._prepare(len(data))
                os.write(self._descriptor, data)
                self._failing = False
            except OSError as error:
                # A full disk is no reason to fail a request, and the same lines went to stdout.
                if not self._failing:
                    print(f"{self.path} cannot be written: {error.strerror}", file=sys.stderr)
                self._failing = True

    def close(self) -> None:
        """Give the descriptor back; later writes are lost."""
        with self._lock, suppress(OSError):
            os.close(self._descriptor)

    def _prepare(self, more: int) -> None:
        size = self._size_of_own()
        if size is None:
            self._open()
            size = os.fstat(self._descriptor).st_size
        if size and size + more > self._max_bytes:
            self._rotate(more)

    def _size_of_own(self) -> int | None:
        """Return the size of our file, None where another or none is at the path now."""
        try:
            found = os.stat(self.path)
        except FileNotFoundError:
            return None
        return found.st_size if (found.st_dev, found.st_ino) == self._identity else None

    def _rotate(self, more: int) -> None:
        with open(f"{self.path}.lock", "a", encoding="ascii") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            # Another process may have done it while this one waited.
            size = self._size_of_own()
            if size is not None and size + more > self._max_bytes:
                for number in range(self._count - 1, 0, -1):
                    with suppress(FileNotFoundError):
                        os.replace(f"{self.path}.{number}", f"{self.path}.{number + 1}")
                os.replace(self.path, f"{self.path}.1")
            self._open()

    def _open(self) -> None:
        descriptor = os.open(
            self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640
        )
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = descriptor
        found = os.fstat(descriptor)
        self._identity = (found.st_dev, found.st_ino)


class FileHandler(logging.Handler):
    """Writes formatted records to a rotated file."""

    def __init__(self, file: RotatedFile) -> None:
        super().__init__()
        self.file = file

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        try:
            line = self.format(record) + "\n"
        except Exception:
            self.handleError(record)
            return
        self.file.write(line.encode(errors="backslashreplace"))

    def close(self) -> None:
        """Close the file as well."""
        self.file.close()
        super().close()
