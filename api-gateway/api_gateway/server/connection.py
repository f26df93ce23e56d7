"""A client's socket: each wait has a deadline, and none needs a timer of its own."""

import socket
from time import monotonic
from typing import Any

from gevent import get_hub, monkey

from api_gateway.turn import SMALL_BYTES, Sender

# gevent's own socket class would wrap each call in Python; the waits here are its hub's.
_PlainSocket = monkey.get_original("socket", "socket")
_READ, _WRITE = 1, 2
_NEVER = float("inf")
HEAD_BLOCK = 16384
_SWALLOWED_BLOCK = 65536


class Connection:
    """A socket that belongs to one greenlet.

    ahead: bytes that came in and belong to what is read next. idle: whether it waits for a request.
    used: whether it had one already. `expire` has to be called now and then; it ends a wait whose
    deadline has passed.
    """

    __slots__ = (
        "_deadline", "_hub", "_reading", "_sender", "_waiting", "_writing", "ahead", "idle", "sock",
        "used",
    )  # fmt: skip

    def __init__(self, fileno: int) -> None:
        self.sock: socket.socket = _PlainSocket(fileno=fileno)
        self.sock.setblocking(False)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._hub = get_hub()
        self._reading: Any = self._hub.loop.io(fileno, _READ)
        self._writing: Any = None
        self._sender = Sender(self.sock)
        self._waiting: Any = None
        self._deadline = _NEVER
        self.ahead = b""
        self.idle = self.used = False

    def _wait(self, watcher: Any, until: float) -> None:
        if until <= 0:
            raise TimeoutError
        self._deadline, self._waiting = until, watcher
        try:
            while True:
                try:
                    self._hub.wait(watcher)
                    return
                except TimeoutError:
                    # It may have been meant for the wait before this one.
                    if self._deadline <= monotonic():
                        raise
        finally:
            self._deadline = _NEVER

    def expire(self, now: float) -> None:
        """End the wait in progress with TimeoutError if its deadline has passed."""
        if self._deadline <= now:
            self._hub.cancel_wait(self._waiting, TimeoutError())

    def hurry(self, until: float) -> None:
        """Let the wait in progress end at `until` at the latest."""
        self._deadline = min(self._deadline, until)

    def receive(self, size: int, until: float) -> bytes:
        """Return what is there or comes by `until`; b"" at the end. Raises TimeoutError."""
        try:
            return self.sock.recv(size)
        except BlockingIOError:
            return self._await(size, until)

    def _await(self, size: int, until: float) -> bytes:
        while True:
            self._wait(self._reading, until)
            try:
                return self.sock.recv(size)
            except BlockingIOError:
                continue

    def first_bytes(self, until: float) -> bytes:
        """Return the first bytes of a request, b"" where none came by `until` or ever will."""
        self.idle = True
        try:
            # Between two requests there is nothing to read yet: no need to try.
            return self._await(HEAD_BLOCK, until)
        except TimeoutError:
            try:
                return self.sock.recv(HEAD_BLOCK)
            except BlockingIOError:
                return b""
        finally:
            self.idle = False

    def send(self, pieces: list[bytes], seconds: float) -> None:
        """Send all pieces, small ones at the end of the loop's turn.

        Raises TimeoutError where nothing was taken for `seconds`.
        """
        sender = self._sender
        if len(pieces) == 1 and len(sender.unsent) + len(pieces[0]) <= SMALL_BYTES:
            sender.later(pieces[0])
            return
        if sender.unsent:
            pieces = [sender.take(), *pieces]
        try:
            sent = self.sock.sendmsg(pieces) if len(pieces) > 1 else self.sock.send(pieces[0])
        except BlockingIOError:
            sent = 0
        if len(pieces) == 1 and sent == len(pieces[0]):
            return
        for piece in pieces:
            size = len(piece)
            if sent < size:
                self._send_rest(memoryview(piece)[sent:], seconds)
                sent = size
            sent -= size

    def _send_unsent(self, seconds: float) -> None:
        if unsent := self._sender.take():
            self._send_rest(memoryview(unsent), seconds)

    def _send_rest(self, rest: memoryview, seconds: float) -> None:
        if self._writing is None:
            self._writing = self._hub.loop.io(self.sock.fileno(), _WRITE)
        while rest:
            try:
                rest = rest[self.sock.send(rest) :]
            except BlockingIOError:
                self._wait(self._writing, monotonic() + seconds)

    def cut(self) -> None:
        """End it so that the peer sees an unfinished answer."""
        self._sender.flush()
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return

    def linger(self, seconds: float) -> None:
        """Let the peer read what was sent, for `seconds` at most, before the connection goes.

        Closing with unread input makes the kernel send a reset, which discards the answer at the
        peer (RFC 9112 section 9.6).
        """
        until = monotonic() + seconds
        try:
            self._send_unsent(seconds)
            self.sock.shutdown(socket.SHUT_WR)
            while monotonic() < until and self.receive(_SWALLOWED_BLOCK, until):
                pass
        except OSError:
            return

    def close(self) -> None:
        """Close the socket and what watches it."""
        self._sender.flush()
        self._sender.drop()
        self._reading.close()
        if self._writing is not None:
            self._writing.close()
        self.sock.close()
