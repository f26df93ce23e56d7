"""The demo service under test, and a stand-in for the services that it would call."""

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

# The demo service is a package like any service; it is installed nowhere, because it ships nowhere.
sys.path.insert(0, str(Path(__file__).parent / "demo"))


@pytest.fixture(scope="session")
def service() -> str:
    return "demo_service"


@pytest.fixture
def before_commit(request: pytest.FixtureRequest) -> Iterator[Callable[[Any], None]]:
    """Put a function between a change of the demo service and its commit."""
    name = "live_app" if "live_app" in request.fixturenames else "app"
    app: Flask = request.getfixturevalue(name)
    yield lambda hook: app.extensions.update({"demo.before_commit": hook})
    app.extensions["demo.before_commit"] = lambda: None


@dataclass(frozen=True)
class Asked:
    """One request that reached the upstream; its handler lives as long as the connection."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Upstream:
    """A local HTTP server that answers as its `answer` says and remembers what it was asked."""

    url: str = ""
    requests: list[Asked] = field(default_factory=list)
    connections: set[Any] = field(default_factory=set)
    # Writes the whole response; replaced by the test.
    answer: Callable[[BaseHTTPRequestHandler], None] = lambda handler: send(handler, 200, b"{}")

    @property
    def paths(self) -> list[str]:
        """What was asked for, in order."""
        return [request.path for request in self.requests]


def send(
    handler: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str] | None = None
) -> None:
    """Write a complete response."""
    handler.send_response(status)
    for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


@pytest.fixture
def respond() -> Callable[..., Callable[[BaseHTTPRequestHandler], None]]:
    """Make an answer for an upstream: `respond(status, body, headers)`."""

    def make(
        status: int, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Callable[[BaseHTTPRequestHandler], None]:
        return lambda handler: send(handler, status, body, headers)

    return make


def _handler_of(upstream: Upstream) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            upstream.requests.append(Asked(self.command, self.path, self.headers, body))
            upstream.connections.add(self.client_address)
            upstream.answer(self)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _answer

        def log_message(self, *args: Any) -> None:
            pass

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay quiet about clients that went away: several tests make them do so."""


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """A running HTTP server on a free port of loopback."""
    upstream = Upstream()
    server = _Server(("127.0.0.1", 0), _handler_of(upstream))
    upstream.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield upstream
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def closed_port() -> int:
    """A port of loopback on which nothing listens."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
