"""One TCP connection to an instance of a service, and the waits on it."""

import errno
import os
import select
import socket
import time
from collections.abc import Callable

from gevent import monkey

from api_gateway.turn import SMALL_BYTES, Sender
from api_gateway.upstreams.parser import ResponseParser
from api_gateway.upstreams.request import NEVER, Terms
from api_gateway.upstreams.watch import current_watch
from api_gateway.waits import READ, Waits

# The first piece of an answer: most answers are no larger.
BLOCK = 65536
# A body that did not come with its head is large more often than not: fewer trips to the kernel.
LARGE_BLOCK = 262144
# The plain poll and sockets: they never wait here, so that gevent's would only cost time.
_poll = monkey.get_original("select", "poll")
_Socket = monkey.get_original("socket", "socket")
_POLLRDHUP = getattr(select, "POLLRDHUP", 0)


class AnsweredEarly(Exception):
    """The upstream answers while the request is still being sent."""


class Stale(Exception):
    """The upstream closed an idle connection before anything of the request was sent over it."""


def has_gone(fileno: int) -> bool:
    """Tell whether the peer of a socket closed its side, even with unread bytes before that."""
    poll = _poll()
    poll.register(fileno, _POLLRDHUP)
    return bool(poll.poll(0))


class Connection(Waits):
    """A non-blocking socket whose waits end: by progress, by time, or because the client is gone.

    One greenlet uses it at a time, on the `terms` of the present request. `expires` is when the
    present wait ends (`time.monotonic`).
    """

    __slots__ = (
        "_poll", "_sender", "_watch", "born", "expires", "idle_since", "lost", "parser", "reused",
        "sock", "terms", "whole",
    )  # fmt: skip

    def __init__(self, sock: socket.socket, terms: Terms) -> None:
        super().__init__(sock.fileno())
        self.sock = sock
        self.terms = terms
        self.reused = False
        # Whether the request was sent to its end: otherwise the next one would be read as its body.
        self.whole = False
        self.born = self.idle_since = time.monotonic()
        self.expires = NEVER
        # Called when the peer closes or speaks while nobody uses the connection.
        self.lost: Callable[[Connection], None] | None = None
        self.parser: ResponseParser | None = None
        self._watch = current_watch()
        self._sender = Sender(sock)
        self._poll = _poll()
        self._poll.register(sock.fileno(), select.POLLIN | _POLLRDHUP)

    @classmethod
    def open(cls, family: int, address: tuple[str, int], terms: Terms) -> "Connection":
        """Connect; raises OSError, TimeoutError, ClientGone."""
        sock = _Socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = cls(sock, terms)
        try:
            code = sock.connect_ex(address)
            if code == errno.EINPROGRESS:
                connection.expire_in(terms.timeouts.connect)
                connection._wait_to_write()
                code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                raise OSError(code, os.strerror(code))
        except BaseException:
            connection.close()
            raise
        return connection

    def begin(self, terms: Terms) -> None:
        """Take it into use for one exchange."""
        self.terms = terms
        self.lost = None
        self._sender.touched = self._sender.stale = self.whole = False

    @property
    def touched(self) -> bool:
        """Tell whether anything of the request was sent."""
        return self._sender.touched

    def client_gone(self) -> bool:
        """Tell whether nobody waits for this exchange any more."""
        return self.terms.client_gone()

    def readable(self) -> bool:
        """Tell whether something came in or the peer closed; while idle, both forbid reuse."""
        return bool(self._poll.poll(0))

    def send(self, data: bytes) -> None:
        """Send all of `data`.

        Raises AnsweredEarly when the upstream answers instead of reading on, TimeoutError,
        ClientGone, OSError.
        """
        try:
            sent = self.sock.send(data)
        except BlockingIOError:
            sent = 0
        self._sender.touched = True
        if sent < len(data):
            self._send_on(memoryview(data)[sent:])

    def send_first(self, data: bytes) -> None:
        """Send the beginning of a request as `send` does; raises Stale besides."""
        if self.reused and self.readable():
            raise Stale
        self.send(data)

    def send_whole(self, request: bytes) -> None:
        """Send a whole request as `send_first` does, a small one at the end of the loop's turn.

        Of the latter, `receive_soon` tells whether it was stale.
        """
        if len(request) > SMALL_BYTES:
            self.send_first(request)
            return
        self._sender.spoiled = self.readable if self.reused else None
        self._sender.later(request)

    def _send_on(self, rest: memoryview) -> None:
        while rest:
            self.expire_in(self.terms.timeouts.read)
            self._listen()
            if self._wait_to_write() is READ:
                raise AnsweredEarly
            try:
                rest = rest[self.sock.send(rest) :]
            except BlockingIOError:
                continue

    def receive_soon(self, most: int) -> bytes:
        """Wait until something comes and return it, at most `most` bytes, b"" at the end.

        `expires` must be set. Raises Stale, TimeoutError, ClientGone, OSError.
        """
        while True:
            self._listen()
            self._wait()
            if self._sender.stale:
                raise Stale
            try:
                return self.sock.recv(most)
            except BlockingIOError:
                continue

    def receive(self, most: int) -> bytes:
        """Return what is there or what comes next; raises as `receive_soon` does."""
        try:
            return self.sock.recv(most)
        except BlockingIOError:
            self.expire_in(self.terms.timeouts.read)
            return self.receive_soon(most)

    def expire_in(self, seconds: float) -> None:
        """Let the next wait end after `seconds`, or when the exchange must be over."""
        expires, ends = time.monotonic() + seconds, self.terms.ends
        self.expires = expires if expires < ends else ends

    @property
    def overdue(self) -> bool:
        """Tell whether the whole exchange should be over."""
        ends = self.terms.ends
        return ends is not NEVER and time.monotonic() >= ends

    def _wait(self) -> int:
        self._watch.add(self)
        try:
            return super()._wait()
        finally:
            self._watch.remove(self)

    def _unheard(self) -> None:
        if self.lost is not None:
            self.lost(self)

    def park(self, lost: "Callable[[Connection], None]") -> None:
        """Note that it is idle from now on; `lost` is called when the peer ends that."""
        self.idle_since = time.monotonic()
        self.reused = True
        self.lost = lost
        self._listen()

    def drop_parser(self) -> None:
        """Begin the next answer with a new parser: this one stopped within a message."""
        if self.parser is not None:
            self.parser.drop()
            self.parser = None

    def close(self) -> None:
        """Close the socket; can be called again."""
        self.lost = None
        self.drop_parser()
        self._sender.drop()
        self._end_waits()
        self.sock.close()
