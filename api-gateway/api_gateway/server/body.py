"""The request body as the worker hands it on: in the pieces that come in, with honest endings."""

import re
from collections.abc import Iterator
from time import monotonic

from api_gateway.errors import BadBody
from api_gateway.server.connection import Connection
from api_gateway.server.head import CHUNKED, Request

_SWALLOWED_BYTES = 65536
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
# After the time-out without progress a body has to come at this rate at least, or a byte now and
# then would hold its connections for hours.
_SLOWEST_BYTES_PER_SECOND = 500.0
_BLOCK = 65536
# RFC 9112 section 7.1: no sign, no 0x, no underscore, all of which int() takes. Extensions, which
# nobody sends, have been read in several ways: they are refused.
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})\r\n")
_SIZE_LINE_BYTES = 17
_TRAILERS = re.compile(rb"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[^\x00-\x08\x0a-\x1f\x7f]*\r\n)*\r\n")
_TRAILER_BYTES = 8192


class NoBody:
    """`wsgi.input` where there is no body."""

    unread = 0

    def read1(self, _size: int = -1) -> bytes:
        """Return the next piece, b"" at the end."""
        return b""

    def read(self, size: int = -1) -> bytes:
        """Return `size` bytes, or all; fewer only at the end."""
        pieces, left = [], size
        while left and (piece := self.read1(left if left > 0 else _BLOCK)):
            pieces.append(piece)
            left -= len(piece) if size > 0 else 0
        return b"".join(pieces)

    def readline(self, size: int = -1) -> bytes:
        """Return the bytes up to a line's end, at most `size`: for own pages, a byte at a time."""
        line = bytearray()
        while len(line) != size and not line.endswith(b"\n") and (byte := self.read1(1)):
            line += byte
        return bytes(line)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    def leaves_much(self) -> bool:
        """Tell whether more is unread than the server should swallow to keep the connection."""
        return False


class LengthBody(NoBody):
    """A body of `unread` bytes.

    `100 Continue` is sent on the first read only, so that a refusal saves the client its upload
    (RFC 9110 section 10.1.1).
    """

    def __init__(self, connection: Connection, request: Request, seconds: float) -> None:
        self._connection = connection
        self._continue_pending = request.expects
        self._seconds = self._patience = seconds
        self._broken = False
        self.unread = request.length

    def read1(self, size: int = -1) -> bytes:
        """Return what is there, waiting only where nothing is; b"" at the end.

        Raises ConnectionError where it breaks off, TimeoutError.
        """
        size = min(size, self.unread) if size > 0 else self.unread
        if not size:
            return b""
        data = self._receive(size)
        self.unread -= len(data)
        return data

    def _receive(self, size: int) -> bytes:
        connection = self._connection
        if connection.ahead:
            data, connection.ahead = connection.ahead[:size], connection.ahead[size:]
            return data
        if self._continue_pending:
            self._continue_pending = False
            connection.send([_CONTINUE], self._seconds)
        began = monotonic()
        try:
            data = connection.receive(size, began + min(self._seconds, self._patience))
        except OSError:
            self._broken = True
            raise
        self._patience += len(data) / _SLOWEST_BYTES_PER_SECOND - (monotonic() - began)
        if not data:
            raise ConnectionResetError("the request body breaks off")
        return data

    def leaves_much(self) -> bool:
        """Tell whether more is unread than the server should swallow to keep the connection."""
        if self._broken or self._continue_pending:
            return self.unread > 0
        return self.unread > _SWALLOWED_BYTES


class ChunkedBody(LengthBody):
    """A chunked body; `unread` is what is left of the present chunk, or CHUNKED before the first.

    Trailers are dropped. Raises BadBody for framing that could be read in two ways.
    """

    def __init__(self, connection: Connection, request: Request, seconds: float) -> None:
        super().__init__(connection, request, seconds)
        self._ended = False
        self._buffer, connection.ahead = connection.ahead, b""
        self._at = 0

    def read1(self, size: int = -1) -> bytes:
        """Return the bytes that are there without their framing, waiting only where none are."""
        size = size if size > 0 else _BLOCK
        pieces: list[bytes] = []
        while size and (self.unread > 0 or self._next_chunk(may_wait=not pieces)):
            piece = self._take(min(size, self.unread), may_wait=not pieces)
            if not piece:
                break
            self.unread -= len(piece)
            size -= len(piece)
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _take(self, size: int, may_wait: bool) -> bytes:
        piece = self._buffer[self._at : self._at + size]
        self._at += len(piece)
        return self._receive(size) if may_wait and not piece else piece

    def _next_chunk(self, may_wait: bool) -> bool:
        """Read the next chunk's size; False at the end, or where it would have to wait."""
        if self._ended:
            return False
        # What ends the chunk before it, if there is one, is CRLF.
        gap = 2 if self.unread == 0 else 0
        while True:
            line = self._buffer[self._at : self._at + gap + _SIZE_LINE_BYTES]
            if gap and not b"\r\n".startswith(line[:2]):
                raise BadBody("A chunk is longer than its size")
            match = _CHUNK_SIZE.match(line, gap)
            if match:
                break
            if len(line) == gap + _SIZE_LINE_BYTES or b"\n" in line[gap:]:
                raise BadBody("The size of a chunk is not well-formed")
            if not may_wait:
                return False
            self._receive_more()
        self._at += match.end()
        self.unread = int(match[1], 16)
        if not self.unread:
            self._drop_trailers()
        return not self._ended

    def _drop_trailers(self) -> None:
        while not (match := _TRAILERS.match(self._buffer, self._at)):
            size = len(self._buffer) - self._at
            ends = self._buffer.count(b"\r\n", self._at)
            whole = self._buffer.find(b"\r\n\r\n", self._at) >= 0
            if whole or size > _TRAILER_BYTES or self._buffer.count(b"\n", self._at) > ends:
                raise BadBody("The trailers are too large or not well-formed")
            self._receive_more()
        self._connection.ahead, self._buffer = self._buffer[match.end() :], b""
        self._ended = True

    def _receive_more(self) -> None:
        self._buffer = self._buffer[self._at :] + self._receive(_BLOCK)
        self._at = 0

    def leaves_much(self) -> bool:
        """Tell whether the end was not reached: how much is left is not known."""
        return not self._ended


_NO_BODY = NoBody()


def body_of(request: Request, connection: Connection, seconds: float) -> NoBody:
    """Return `wsgi.input` for a request. seconds: how long to wait for the next bytes."""
    if not request.length:
        return _NO_BODY
    kind = ChunkedBody if request.length == CHUNKED else LengthBody
    return kind(connection, request, seconds)
