"""One TCP connection to an instance of a service."""

import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

from gevent import monkey

from api_gateway.errors import ClientGone
from api_gateway.routes import Address

BLOCK = 65536
# A body that did not come with its head is large more often than not: fewer trips to the kernel.
LARGE_BLOCK = 262144
# How often a wait looks whether the client is still there: a gone client frees its service in time.
_TICK_SECONDS = 0.25
# The plain poll: it never waits here, so that gevent's would only add a trip through its loop.
_poll = monkey.get_original("select", "poll")
_POLLRDHUP = getattr(select, "POLLRDHUP", 0)


def never() -> bool:
    """Stand in for a client that cannot go away."""
    return False


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for an upstream without progress, in seconds, and for whom."""

    timeout: float
    client_gone: Callable[[], bool] = never


class AnsweredEarly(Exception):
    """The upstream answers while the request is still being sent."""


def has_gone(fileno: int) -> bool:
    """Tell whether the peer of a socket closed its side, even with unread bytes before that."""
    poll = _poll()
    poll.register(fileno, _POLLRDHUP)
    return bool(poll.poll(0))


class Connection:
    """A socket with waits that end: by progress, by the timeout, or because the client is gone."""

    __slots__ = ("_poll", "idle_since", "reused", "sock", "whole")

    def __init__(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock
        self.reused = False
        # Whether the request was sent to its end: otherwise the next one would be read as its body.
        self.whole = False
        self.idle_since = 0.0
        self._poll = _poll()
        self._poll.register(sock.fileno(), select.POLLIN | _POLLRDHUP)

    @classmethod
    def open(cls, address: Address, timeout: float) -> "Connection":
        """Connect within `timeout` seconds; raises OSError (also for names that do not resolve)."""
        return cls(socket.create_connection((address.host.strip("[]"), address.port), timeout))

    def readable(self) -> bool:
        """Tell whether something came in or the peer closed; while idle, both forbid reuse."""
        return bool(self._poll.poll(0))

    def send(self, data: bytes, patience: Patience) -> None:
        """Send all of `data`.

        Raises AnsweredEarly when the upstream answers instead of reading on, TimeoutError,
        ClientGone, OSError.
        """
        rest = memoryview(data)
        left = patience.timeout
        while rest:
            step = min(left, _TICK_SECONDS)
            self.sock.settimeout(step)
            try:
                rest = rest[self.sock.send(rest) :]
                left = patience.timeout
            except TimeoutError:
                if self.readable():
                    raise AnsweredEarly from None
                left = self._wait_on(left - step, patience)

    def receive(self, patience: Patience, timeout: float | None = None, most: int = BLOCK) -> bytes:
        """Return what comes next, at most `most` bytes, b"" at the end.

        timeout: seconds, where they differ from the patience's.
        Raises TimeoutError, ClientGone, OSError.
        """
        left = patience.timeout if timeout is None else timeout
        while True:
            step = min(left, _TICK_SECONDS)
            self.sock.settimeout(step)
            try:
                return self.sock.recv(most)
            except TimeoutError:
                left = self._wait_on(left - step, patience)

    @staticmethod
    def _wait_on(left: float, patience: Patience) -> float:
        if left <= 0:
            raise TimeoutError
        if patience.client_gone():
            raise ClientGone
        return left

    def park(self) -> None:
        """Note that it is idle from now on."""
        self.idle_since = time.monotonic()
        self.reused = True
        self.whole = False

    def close(self) -> None:
        """Close the socket; can be called again."""
        self.sock.close()
