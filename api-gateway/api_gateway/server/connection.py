"""A client's socket: each wait has a deadline, and none needs a timer of its own."""

import socket
from time import monotonic

from gevent import monkey

from api_gateway.turn import SMALL_BYTES, Sender
from api_gateway.waits import Waits

# gevent's own socket class would wrap each call in Python.
_PlainSocket = monkey.get_original("socket", "socket")
_NEVER = float("inf")
HEAD_BLOCK = 16384
_SWALLOWED_BLOCK = 65536


class Connection(Waits):
    """A socket that belongs to one greenlet.

    ahead: bytes that came in and belong to what is read next. idle: whether it waits for a request.
    used: whether it had one already. `expire` has to be called now and then; it ends a wait whose
    deadline has passed.
    """

    __slots__ = ("_deadline", "_sender", "ahead", "idle", "sock", "used")

    def __init__(self, fileno: int) -> None:
        super().__init__(fileno)
        self.sock: socket.socket = _PlainSocket(fileno=fileno)
        self.sock.setblocking(False)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sender = Sender(self.sock)
        self._deadline = _NEVER
        self.ahead = b""
        self.idle = self.used = False

    def expire(self, now: float) -> None:
        """End the wait in progress with TimeoutError if its deadline has passed."""
        if self._deadline <= now:
            self._hub.loop.run_callback(self._expire)

    def _expire(self) -> None:
        # Another wait may have begun since.
        if self._deadline <= monotonic():
            self.interrupt(TimeoutError())

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
        if until <= 0:
            raise TimeoutError
        self._deadline = until
        try:
            while True:
                self._listen()
                self._wait()
                try:
                    return self.sock.recv(size)
                except BlockingIOError:
                    continue
        finally:
            self._deadline = _NEVER

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
        while rest:
            try:
                rest = rest[self.sock.send(rest) :]
            except BlockingIOError:
                self._deadline = monotonic() + seconds
                try:
                    self._wait_to_write()
                finally:
                    self._deadline = _NEVER

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
        self._end_waits()
        self.sock.close()
