"""The recording upstream: it notes the bytes it gets, and answers with the bytes given."""

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

Handler = Callable[["Recorder", "Peer", bytes], bool]
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class Peer:
    """The gateway's side of a connection; what was read ahead with the head is not lost."""

    def __init__(self, sock: socket.socket, stream: Any) -> None:
        self.sendall, self.settimeout, self.fileno = sock.sendall, sock.settimeout, sock.fileno
        self.recv: Callable[[int], bytes] = stream.read1


class Recorder:
    """One upstream on a free port, a thread for each connection.

    `heads` and `bodies` hold what came in. `answer` is sent for each request. `handler`, where it
    is set, gets the peer and the head instead, and says whether the connection stays open.
    Probes are answered by `health`, or never where it is None; neither they nor their connections
    are noted, but `probes` counts them.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.host = host
        self._open: set[socket.socket] = set()
        self._fixed: dict[bytes, bytes] = {}
        self.probes = 0
        self.health: bytes | None = OK
        self.reset()
        self.start(port)

    def start(self, port: int) -> None:
        """Listen; also again after `kill`."""
        self._listener = socket.create_server((self.host, port), backlog=512)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def reset(self) -> None:
        """Forget what came in and answer with 200 again."""
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        self.connections = 0
        self.closed = threading.Event()
        self.answer = OK
        self.handler: Handler | None = None

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def fix(self, path: str, document: Any) -> None:
        """Answer `path` with a JSON document always, and without noting it."""
        body = json.dumps(document).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        self._fixed[path.encode()] = head + body

    @property
    def lines(self) -> list[bytes]:
        """The request lines so far."""
        return [head.split(b"\r\n")[0] for head in self.heads]

    def fields(self, number: int = -1) -> list[tuple[str, str]]:
        """The header lines of a request, names in lower case."""
        lines = self.heads[number].decode("latin-1").split("\r\n")[1:-2]
        pairs = (line.split(": ", 1) for line in lines)
        return [(name.lower(), value) for name, value in pairs]

    def stop(self) -> None:
        """Refuse connections from now on; can be called again."""
        if self._listener.fileno() >= 0:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()

    def hang_up(self) -> None:
        """Close all connections and go on listening."""
        for sock in list(self._open):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def kill(self) -> None:
        """Vanish as a killed process does: nothing listens, connections end with a reset."""
        self.stop()
        for sock in list(self._open):
            with suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                sock.shutdown(socket.SHUT_RD)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        self._open.add(sock)
        with sock, sock.makefile("rb") as stream:
            try:
                head = read_head(stream)
                if not head:
                    return
                if head.startswith(b"GET /health "):
                    self.probes += 1
                    if self.health is None:
                        stream.read(1)
                    else:
                        sock.sendall(self.health)
                    return
                self.connections += 1
                while head and self._exchange(sock, stream, head):
                    head = read_head(stream)
            except (OSError, ValueError):
                pass
            self._open.discard(sock)
        self.closed.set()

    def _exchange(self, sock: socket.socket, stream: Any, head: bytes) -> bool:
        fixed = self._fixed.get(head.split(b" ")[1])
        if fixed is not None:
            sock.sendall(fixed)
            return True
        self.heads.append(head)
        if self.handler is not None:
            return self.handler(self, Peer(sock, stream), head)
        self.bodies.append(read_body(stream, head))
        sock.sendall(self.answer)
        return b"connection: close" not in self.answer.lower()


def read_head(stream: Any) -> bytes:
    """Return the bytes up to the empty line, b"" where the peer closed."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = stream.readline()
        if not line:
            return b""
        head += line
    return head


def read_body(stream: Any, head: bytes) -> bytes:
    """Return the body, chunks joined; what is not there raises ValueError."""
    lower = head.lower()
    if b"transfer-encoding: chunked" in lower:
        body = b""
        while size := int(stream.readline().strip() or b"x", 16):
            body += stream.read(size)
            stream.readline()
        stream.readline()
        return body
    length = lower.partition(b"content-length: ")[2].partition(b"\r\n")[0]
    body = stream.read(int(length or 0))
    if len(body) != int(length or 0):
        raise ValueError("body cut off")
    return body


@pytest.fixture(scope="session")
def make_recorder() -> Iterator[Callable[..., Recorder]]:
    """Start a recorder, `make_recorder(host, port)`; stopped at the end of the run."""
    made: list[Recorder] = []

    def make(*address: Any) -> Recorder:
        made.append(Recorder(*address))
        return made[-1]

    yield make
    for recorder in made:
        recorder.stop()


@pytest.fixture(scope="session")
def shared_recorder(make_recorder: Callable[[], Recorder], jwks: dict[str, Any]) -> Recorder:
    """The upstream of the gateway that most tests share; publishes the test keys."""
    recorder = make_recorder()
    recorder.fix("/.well-known/jwks.json", jwks)
    return recorder


@pytest.fixture
def recorder(shared_recorder: Recorder) -> Recorder:
    """The shared upstream, with nothing noted yet."""
    shared_recorder.reset()
    return shared_recorder


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """Return a port where nothing listens."""

    def pick() -> int:
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            port: int = sock.getsockname()[1]
            return port

    return pick
