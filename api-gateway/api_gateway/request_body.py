"""The client's body on its way to the service: limited, counted, framed once more."""

from collections.abc import Iterator
from typing import Any

from api_gateway.call import Environ
from api_gateway.errors import BodyTooLarge, ClientGone, ClientTooSlow, UnknownCoding

# A body up to this size is read before anything is sent: one packet less, and it can be sent again.
_WHOLE_BYTES = 65536
_BLOCK_BYTES = 262144


class BodyStream:
    """The body in blocks as they come in. length: as announced, None for a chunked body.

    Chunk sizes of the client are not kept (RFC 9112 section 7.1); trailers are dropped.
    """

    def __init__(self, source: Any, length: int | None, limit: int) -> None:
        self._source = source
        self._length = length
        self._limit = limit

    def plain(self) -> Iterator[bytes]:
        """Yield the bytes; raises BodyTooLarge, ClientTooSlow, ClientGone at an early end."""
        received = 0
        while self._length is None or received < self._length:
            block = self._read()
            if not block:
                if self._length is not None:
                    # A vanished client looks like an end: passed on, the body would seem whole.
                    raise ClientGone
                return
            received += len(block)
            if received > self._limit:
                raise too_large(self._limit)
            yield block

    def _read(self) -> bytes:
        try:
            block: bytes = self._source.read1(_BLOCK_BYTES)
        except TimeoutError:
            raise ClientTooSlow from None
        except OSError:
            raise ClientGone from None
        return block

    def __iter__(self) -> Iterator[bytes]:
        """Yield the blocks framed for the service."""
        if self._length is not None:
            yield from self.plain()
            return
        for block in self.plain():
            yield b"%x\r\n%b\r\n" % (len(block), block)
        yield b"0\r\n\r\n"


def too_large(limit: int) -> BodyTooLarge:
    """Return the refusal of a body over `limit` bytes."""
    return BodyTooLarge(f"The request body is larger than {limit} bytes")


def frame_body(environ: Environ, limit: int) -> tuple[str, bytes | BodyStream]:
    """Return the framing header line for the service and the body to send.

    limit: the most bytes accepted. Raises UnknownCoding, and BodyTooLarge before anything is read
    where a length is announced.
    """
    coding = environ.get("HTTP_TRANSFER_ENCODING")
    if coding:
        if coding.lower() != "chunked":
            # gunicorn takes off the chunks only: what is left would go on without its coding.
            raise UnknownCoding
        return "Transfer-Encoding: chunked\r\n", BodyStream(environ["wsgi.input"], None, limit)
    announced = environ.get("CONTENT_LENGTH")
    if not announced:
        return "", b""
    length = int(announced)
    if length > limit:
        raise too_large(limit)
    body = BodyStream(environ["wsgi.input"], length, limit)
    line = f"Content-Length: {length}\r\n"
    return (line, b"".join(body.plain())) if length <= _WHOLE_BYTES else (line, body)
