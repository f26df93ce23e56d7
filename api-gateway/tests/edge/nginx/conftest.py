"""nginx with the files of infrastructure/nginx, in front of the real gateway."""

import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chassis.testing import Replies

SOURCE = Path(__file__).resolve().parents[4] / "infrastructure" / "nginx"
HOST = "shop.example"
# A balancer in front of nginx; every address of 127.0.0.0/8 is this machine's own.
BALANCER = "127.0.0.3"


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
    """One connection to nginx; `source` is the address it comes from."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.replies: Any = Replies(sock)

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def reply(self, method: str = "GET") -> Reply:
        """Read one whole answer; raises http.client.IncompleteRead where it is cut off."""
        response = http.client.HTTPResponse(self.replies, method=method)
        with closing(response):
            response.begin()
            return Reply(response.status, response.headers, response.read())


@dataclass(frozen=True)
class Edge:
    """A running nginx; `folder` holds its configuration, log and temporary files."""

    http_port: int
    https_port: int
    folder: Path

    @contextmanager
    def wire(self, source: str = "127.0.0.1") -> Iterator[Wire]:
        trust = ssl.create_default_context(cafile=self.folder / "certs" / "tls.crt")
        address = ("127.0.0.1", self.https_port)
        with (
            socket.create_connection(address, 10, (source, 0)) as plain,
            trust.wrap_socket(plain, server_hostname=HOST) as sock,
        ):
            yield Wire(sock)

    def ask(
        self,
        target: str,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        source: str = "127.0.0.1",
    ) -> Reply:
        """Send one request over TLS as it stands and return the answer."""
        lines = {"Host": HOST, **(headers or {})}
        if body:
            lines.setdefault("Content-Length", str(len(body)))
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        with self.wire(source) as wire:
            wire.send(f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body)
            return wire.reply(method)

    def curl(self, target: str, *options: str) -> "subprocess.CompletedProcess[str]":
        """Run curl against `https://shop.example` and the target, as a client that trusts it."""
        command = (
            "curl", "--silent", "--show-error", "--cacert", str(self.folder / "certs" / "tls.crt"),
            "--resolve", f"{HOST}:{self.https_port}:127.0.0.1", *options,
            f"https://{HOST}:{self.https_port}{target}",
        )  # fmt: skip
        return subprocess.run(command, capture_output=True, text=True, timeout=20)

    def log(self) -> list[dict[str, Any]]:
        """Return the lines of the access log; fails where one is not JSON."""
        return [json.loads(line) for line in (self.folder / "stdout").read_text().splitlines()]


@pytest.fixture(scope="session")
def nginx_command() -> list[str]:
    """nginx, to be followed by `-c FILE`; skipped where a program of these tests is missing."""
    path = f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin"
    found = {name: shutil.which(name, path=path) for name in ("nginx", "curl", "openssl")}
    missing = [name for name, where in found.items() if where is None]
    if missing:
        pytest.skip(f"not installed here (Debian packages of the same names): {', '.join(missing)}")
    # Workers of root would be `nobody`, for whom the folders of a test run are closed.
    user = "user root; " if os.geteuid() == 0 else ""
    return [str(found["nginx"]), "-g", f"{user}daemon off;"]


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate for shop.example and its key."""
    folder = tmp_path_factory.mktemp("certificates")
    subprocess.run(
        [
            "openssl", "req", "-x509", "-nodes", "-days", "2", "-subj", f"/CN={HOST}",
            "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-addext", f"subjectAltName=DNS:{HOST}",
            "-keyout", str(folder / "tls.key"), "-out", str(folder / "tls.crt"),
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return folder


@pytest.fixture(scope="session")
def configure(
    tmp_path_factory: pytest.TempPathFactory, certificates: Path, free_port: Callable[[], int]
) -> Callable[..., Edge]:
    """Copy the files with another place's values: `configure(port, {"75s": "300ms"})`."""

    def make(upstream_port: int, changes: Mapping[str, str] | None = None) -> Edge:
        folder = tmp_path_factory.mktemp("nginx")
        edge = Edge(free_port(), free_port(), folder)
        shutil.copytree(certificates, folder / "certs")
        shutil.copytree(SOURCE / "static", folder / "www" / "static")
        (folder / "temporary").mkdir()
        values = {
            "listen 8080": f"listen 127.0.0.1:{edge.http_port}",
            "listen 8443": f"listen 127.0.0.1:{edge.https_port}",
            "/tmp/": f"{folder}/temporary/",
            "api-gateway:5000": f"127.0.0.1:{upstream_port}",
            "/srv/www": f"{folder}/www",
            "worker_processes auto": "worker_processes 1",
            "real_ip_recursive on;": f"real_ip_recursive on;\nset_real_ip_from {BALANCER};",
            **(changes or {}),
        }
        texts = {path.name: path.read_text("utf-8") for path in SOURCE.glob("*.conf")}
        for old, new in values.items():
            assert any(old in text for text in texts.values()), old
            texts = {name: text.replace(old, new) for name, text in texts.items()}
        for name, text in texts.items():
            (folder / name).write_text(text, "utf-8")
        return edge

    return make


@pytest.fixture(scope="session")
def start_nginx(
    nginx_command: list[str], configure: Callable[..., Edge]
) -> Iterator[Callable[..., Edge]]:
    """Start nginx: `start_nginx(upstream_port, changes)`; stopped at the end."""
    running: list[subprocess.Popen[bytes]] = []

    def start(upstream_port: int, changes: Mapping[str, str] | None = None) -> Edge:
        edge = configure(upstream_port, changes)
        command = [*nginx_command, "-c", str(edge.folder / "nginx.conf")]
        with (edge.folder / "stdout").open("wb") as out, (edge.folder / "stderr").open("wb") as err:
            process = subprocess.Popen(command, stdout=out, stderr=err)
        running.append(process)
        wait_until_listening(edge, process)
        return edge

    yield start
    for process in running:
        process.terminate()
    for process in running:
        process.wait(10)


def wait_until_listening(edge: Edge, process: "subprocess.Popen[bytes]") -> None:
    """Return when nginx accepts connections."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        assert process.poll() is None, (edge.folder / "stderr").read_text()
        try:
            socket.create_connection(("127.0.0.1", edge.https_port), 1).close()
            return
        except OSError:
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.02)
    raise AssertionError((edge.folder / "stderr").read_text())


@pytest.fixture(scope="session")
def edge(
    start_nginx: Callable[..., Edge],
    start_shared_gateway: Callable[..., Any],
    service_table: Callable[..., str],
    shared_recorder: Any,
) -> Edge:
    """The nginx that most tests share, before a gateway that trusts it.

    Services: `echo` (large bodies), `small` (bodies up to 1000 bytes), `users`.
    """
    table = "".join(
        (
            service_table("echo", "ECHO_URL", "max_body_bytes = 1000000000"),
            service_table("small", "ECHO_URL", "max_body_bytes = 1000"),
            service_table("users", "ECHO_URL", 'paths = ["/.well-known/jwks.json"]'),
        )
    )
    environ = {"ECHO_URL": shared_recorder.url, "TRUSTED_PROXIES": "127.0.0.1/32"}
    return start_nginx(start_shared_gateway(table, environ).port)


@pytest.fixture(scope="session")
def bare(start_nginx: Callable[..., Edge], shared_recorder: Any) -> Edge:
    """An nginx without a gateway behind it, to see what it sends."""
    return start_nginx(shared_recorder.port)
