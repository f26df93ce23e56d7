"""One instance of a service and its idle connections."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from api_gateway.routes import Address
from api_gateway.upstreams.answer import Answer
from api_gateway.upstreams.connection import AnsweredEarly, Connection, Patience

# Two thirds of the services' keep-alive of 75 s: an idle connection is dropped here first, because
# one that the service is closing at this moment looks usable and loses the request.
_MAX_IDLE_SECONDS = 50.0
_MAX_IDLE_CONNECTIONS = 256
# How long an instance that refused a connection is passed over while others are there.
_REST_SECONDS = 2.0
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})


class Unreachable(Exception):
    """No connection came about, so that nothing was sent. timed_out: after waiting."""

    def __init__(self, timed_out: bool) -> None:
        self.timed_out = timed_out
        super().__init__("timed out" if timed_out else "refused")


@dataclass(slots=True)
class Request:
    """What to send. fields: header lines without Host, each ending in CRLF, framing included.

    body: bytes, or blocks that are framed already and can be read once.
    """

    method: str
    target: str
    fields: list[str]
    body: bytes | Iterable[bytes] = b""

    @property
    def repeatable(self) -> bool:
        """Tell whether it may be sent a second time (RFC 9110 section 9.2.2)."""
        return isinstance(self.body, bytes) and self.method in _IDEMPOTENT

    def head(self, netloc: str) -> bytes:
        """Encode the head for the instance at `netloc`."""
        lines = "".join(self.fields)
        return f"{self.method} {self.target} HTTP/1.1\r\nHost: {netloc}\r\n{lines}\r\n".encode(
            "latin-1"
        )


class Instance:
    """A pool of connections to one address; belongs to one process."""

    def __init__(self, address: Address, connect_timeout: float) -> None:
        self.address = address
        self._connect_timeout = connect_timeout
        # The one used last is taken first, so that a pool that was large once shrinks again.
        self._idle: list[Connection] = []
        self._resting_until = 0.0

    @property
    def resting(self) -> bool:
        """Tell whether it refused a connection a moment ago."""
        return time.monotonic() < self._resting_until

    def checkout(self) -> Connection:
        """Return an idle connection, or a new one; raises Unreachable."""
        while self._idle:
            connection = self._idle.pop()
            if (
                time.monotonic() - connection.idle_since < _MAX_IDLE_SECONDS
                and not connection.readable()
            ):
                return connection
            connection.close()
        return self.connect()

    def connect(self) -> Connection:
        """Open a connection; raises Unreachable."""
        try:
            connection = Connection.open(self.address, self._connect_timeout)
        except OSError as error:
            self._resting_until = time.monotonic() + _REST_SECONDS
            raise Unreachable(isinstance(error, TimeoutError)) from error
        self._resting_until = 0.0
        return connection

    def release(self, connection: Connection) -> None:
        """Keep a connection for the next request."""
        if len(self._idle) >= _MAX_IDLE_CONNECTIONS:
            connection.close()
            return
        connection.park()
        self._idle.append(connection)

    def exchange(self, connection: Connection, request: Request, patience: Patience) -> Answer:
        """Send `request` and read the head of its answer; the connection is closed when that fails.

        Raises Disconnected, BadFraming, TimeoutError, ClientGone, and what the body's blocks raise.
        """
        try:
            self._send(connection, request, patience)
            return Answer(connection, request.method, patience, self.release)
        except BaseException:
            connection.close()
            raise

    def _send(self, connection: Connection, request: Request, patience: Patience) -> None:
        head = request.head(self.address.netloc)
        try:
            if isinstance(request.body, bytes):
                connection.send(head + request.body, patience)
            else:
                connection.send(head, patience)
                for block in request.body:
                    if connection.readable():
                        return
                    connection.send(block, patience)
            connection.whole = True
        except (AnsweredEarly, BrokenPipeError, ConnectionResetError):
            # An answer such as 413 may be there already; the connection is not used again.
            return
