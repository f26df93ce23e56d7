"""The real gateway process, and a client that sends bytes as they stand."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chassis.testing import Replies

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "QUERY", "TRACE"]
TABLE = """
[services.{name}]
prefix = "/api/{name}"
upstream = "{variable}"
public = [{public}]
{more}
"""


@dataclass(frozen=True)
class Reply:
    """What came back; headers in order, names in lower case."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        """Return the one value of a header; fails where it is missing or repeated."""
        (value,) = [value for key, value in self.headers if key == name]
        return value


class Wire:
    """One connection to the gateway."""

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), 30)
        self.replies: Any = Replies(self.sock)

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def reply(self, method: str = "GET") -> Reply:
        """Read one whole answer; raises http.client.IncompleteRead where it is cut off."""
        response = http.client.HTTPResponse(self.replies, method=method)
        with closing(response):
            response.begin()
            headers = [(name.lower(), value) for name, value in response.getheaders()]
            return Reply(response.status, headers, response.read())

    def rest(self) -> bytes:
        """Return all bytes up to the end of the connection."""
        return bytes(self.replies.read())


class GatewayProcess:
    """A running gateway."""

    def __init__(self, port: int, process: "subprocess.Popen[str]", log: Path) -> None:
        self.port = port
        self.process = process
        self.log = log

    @contextmanager
    def wire(self) -> Iterator[Wire]:
        wire = Wire(self.port)
        with wire.sock:
            yield wire

    def ask(
        self,
        target: str,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        body: bytes = b"",
    ) -> Reply:
        """Send one request as it stands and return the answer."""
        lines = {"Host": "shop.example", **(headers or {})}
        if body:
            lines.setdefault("Content-Length", str(len(body)))
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        with self.wire() as wire:
            wire.send(f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body)
            return wire.reply(method)


Start = Callable[..., GatewayProcess]


@contextmanager
def launcher() -> Iterator[Start]:
    """Start processes in a folder: `start(folder, port, environ, "api_gateway")`.

    Each call returns when `/health/live` answers on the port; all are killed at the end.
    """
    running: list[subprocess.Popen[str]] = []

    def start(folder: Path, port: int, environ: dict[str, str], *module: str) -> GatewayProcess:
        log = folder / "log"
        with log.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", *module], cwd=folder, start_new_session=True,
                env={**os.environ, **environ}, stdout=output, stderr=output, text=True,
            )  # fmt: skip
        running.append(process)
        wait_until_live(port, process, log)
        return GatewayProcess(port, process, log)

    try:
        yield start
    finally:
        for process in running:
            # With its workers, and at once: some tests leave requests behind.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def gateway_starter(
    launch: Start, tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Start:
    def start(table: str, environ: dict[str, str]) -> GatewayProcess:
        folder, port = tmp_path_factory.mktemp("gateway"), free_port()
        routes = folder / "routes.toml"
        routes.write_text(table)
        settings = {"PORT": str(port), "GATEWAY_ROUTES": str(routes), **environ}
        return launch(folder, port, settings, "api_gateway")

    return start


@pytest.fixture(scope="module")
def launch() -> Iterator[Start]:
    """Start processes that live as long as the module's tests, see `launcher`."""
    with launcher() as start:
        yield start


@pytest.fixture(scope="module")
def start_gateway(
    launch: Start, tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Start:
    """Start a gateway for the module's tests: `start_gateway(table, {"CORS_ORIGINS": ...})`."""
    return gateway_starter(launch, tmp_path_factory, free_port)


@pytest.fixture(scope="session")
def start_shared_gateway(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[Start]:
    """Start a gateway as `start_gateway` does, for the tests of all modules."""
    with launcher() as launch:
        yield gateway_starter(launch, tmp_path_factory, free_port)


def wait_until_live(port: int, process: "subprocess.Popen[str]", log: Path) -> None:
    """Return when `/health/live` answers."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=1):
                return
        except OSError:
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
    raise AssertionError(log.read_text())


@pytest.fixture(scope="session")
def service_table() -> Callable[..., str]:
    """Write the entry of a service: `service_table("echo", "ECHO_URL", "read_timeout = 1.0")`.

    Every method is public where `public` is not given.
    """

    def write(name: str, variable: str, more: str = "", public: list[str] | None = None) -> str:
        rules = [f"{method} /api/{name}/*" for method in METHODS] if public is None else public
        quoted = ", ".join(f'"{rule}"' for rule in rules)
        return TABLE.format(name=name, variable=variable, more=more, public=quoted)

    return write


@pytest.fixture(scope="session")
def gateway(
    start_shared_gateway: Start,
    service_table: Callable[..., str],
    shared_recorder: Any,
    free_port: Callable[[], int],
) -> GatewayProcess:
    """The gateway that most tests share.

    Services: `echo` (large bodies), `small` (bodies up to 1000 bytes), `slow` (0.4 s of patience),
    `pair` (two instances, the first one down), `down`, and `users`, which needs a token.
    """
    dead = f"http://127.0.0.1:{free_port()}"
    table = "".join(
        (
            service_table("echo", "ECHO_URL", "max_body_bytes = 1000000000\nread_timeout = 5.0"),
            service_table("small", "ECHO_URL", "max_body_bytes = 1000"),
            service_table("slow", "ECHO_URL", "read_timeout = 0.4"),
            service_table("pair", "PAIR_URL"),
            service_table("down", "DOWN_URL"),
            service_table(
                "users", "ECHO_URL", 'paths = ["/.well-known/jwks.json"]',
                ["POST /api/users/login", "GET /.well-known/jwks.json", "GET /api/users/open/*"],
            ),
        )
    )  # fmt: skip
    url = shared_recorder.url
    return start_shared_gateway(
        table,
        {
            "ECHO_URL": url,
            "PAIR_URL": f"{dead},{url}",
            "DOWN_URL": dead,
            "CORS_ORIGINS": "https://shop.example",
        },
    )


@pytest.fixture(scope="session")
def gateway_without_c(
    start_shared_gateway: Start,
    service_table: Callable[..., str],
    shared_recorder: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> GatewayProcess:
    """A gateway on a machine without the C parser of heads; services: `echo` and `users`."""
    modules = tmp_path_factory.mktemp("modules")
    (modules / "gunicorn_h1c.py").write_text("raise ImportError\n")
    table = service_table("echo", "ECHO_URL") + service_table("users", "ECHO_URL", public=[])
    url = shared_recorder.url
    environ = {"ECHO_URL": url, "JWKS_URL": f"{url}/keys", "PYTHONPATH": str(modules)}
    return start_shared_gateway(table, environ)
