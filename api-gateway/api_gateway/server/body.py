"""The request body as the worker hands it on: in the pieces that come in, with honest endings."""

import socket
from typing import Any

from gunicorn.http.body import ChunkedReader
from gunicorn.http.errors import NoMoreData, ParseException

from api_gateway.errors import BadBody

_SWALLOWED_BYTES = 65536
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class RequestBody:
    """`wsgi.input` with `read1`: gunicorn's own waits until a whole block has come in.

    `100 Continue` is sent on the first read only, so that a refusal saves the client its upload
    (RFC 9110 section 10.1.1).
    """

    def __init__(self, request: Any, sock: socket.socket, expects: bool) -> None:
        self._body = request.body
        self._reader = request.body.reader
        self._sock = sock
        self._continue_pending = expects

    def read1(self, size: int) -> bytes:
        """Return what is there, waiting only where nothing is; b"" at the end, even an early one.

        Raises BadBody for broken chunks, ConnectionError for a chunked body that breaks off,
        TimeoutError.
        """
        self._go_on()
        try:
            return self._chunk() if isinstance(self._reader, ChunkedReader) else self._piece(size)
        except NoMoreData as error:
            raise ConnectionResetError("end within a chunked body") from error
        except ParseException as error:
            self._body.failed = True
            raise BadBody from error
        except OSError:
            self._body.failed = True
            raise

    def _chunk(self) -> bytes:
        reader = self._reader
        while reader.parser is not None:
            try:
                block: bytes = next(reader.parser)
            except StopIteration:
                reader.parser = None
                break
            if block:
                return block
        return b""

    def _piece(self, size: int) -> bytes:
        reader = self._reader
        wanted = min(size, reader.length)
        if not wanted:
            return b""
        data: bytes = reader.unreader.read(None, read_ahead=wanted)
        if len(data) > wanted:
            # What follows belongs to the next request.
            reader.unreader.unread(data[wanted:])
            data = data[:wanted]
        reader.length -= len(data)
        return data

    def read(self, size: int = -1) -> bytes:
        """Return `size` bytes, or all; for Flask, which may ask."""
        self._go_on()
        data: bytes = self._body.read(size)
        return data

    def leaves_much(self) -> bool:
        """Tell whether more is unread than the server should swallow to keep the connection."""
        if self._continue_pending or self._body.failed:
            return True
        if isinstance(self._reader, ChunkedReader):
            return self._reader.parser is not None
        return bool(self._reader.length > _SWALLOWED_BYTES)

    def _go_on(self) -> None:
        if self._continue_pending:
            self._continue_pending = False
            self._sock.sendall(_CONTINUE)
