"""The response as the worker writes it: the head and the first block in one packet."""

import re
from collections.abc import Callable, Iterable
from email.utils import formatdate
from functools import lru_cache
from time import time
from typing import Any

from api_gateway.server.body import NoBody
from api_gateway.server.connection import Connection
from api_gateway.server.head import Request

# Up to this size copying a block behind its head costs less than handing the kernel two pieces.
_JOINED_BYTES = 16384
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_STATUS = re.compile(r"[1-9][0-9]{2} ?[\t\x20-\x7e\x80-\xff]*")
# The header lines that decide how the answer is framed; others have no meaning here.
_PLAIN, _LENGTH, _DATE, _OURS = range(4)
_MEANINGS = {"content-length": _LENGTH, "date": _DATE, "connection": _OURS}
_MEANINGS |= {"transfer-encoding": _OURS, "keep-alive": _OURS}
_KNOWN_NAMES = 1000
_known: dict[str, int] = {}
_date: tuple[int, bytes] = (0, b"")

Fields = list[tuple[str, str]]


class BadResponse(Exception):
    """The application's answer could not be sent; nothing of it was."""


class ShortBody(Exception):
    """The application's body ended before the length that it announced."""


class Response:
    """Writes one answer. keeps: whether the connection can be used again after it."""

    __slots__ = (
        "_bodiless", "_body", "_chunked", "_connection", "_dated", "_head", "_http_1_0", "_left",
        "_seconds", "head_sent", "keeps",
    )  # fmt: skip

    def __init__(
        self, connection: Connection, request: Request, body: NoBody, keeps: bool, seconds: float
    ) -> None:
        """seconds: how long to wait for the client to take a piece."""
        self._connection = connection
        self._body = body
        self._http_1_0 = request.http_1_0
        self._bodiless = request.environ["REQUEST_METHOD"] == "HEAD"
        self._seconds = seconds
        self._head = b""
        self._left: int | None = None
        self._chunked = self._dated = self.head_sent = False
        self.keeps = keeps and request.keeps

    def start_response(
        self, status: str, fields: Fields, exc_info: Any = None
    ) -> Callable[[bytes], None]:
        """Take status and header lines (PEP 3333).

        Raises BadResponse for lines that are not well-formed, such as could split the head.
        """
        if exc_info is not None and self.head_sent:
            raise exc_info[1].with_traceback(exc_info[2])
        if self._head and exc_info is None:
            raise BadResponse("start_response was called twice")
        if not _well_formed(status):
            raise BadResponse("the status line is not well-formed")
        self._left, self._dated = None, False
        code = status[:3]
        self._bodiless = self._bodiless or code in ("204", "304") or code[0] == "1"
        lines = self._lines(fields, lengthless=code == "204" or code[0] == "1")
        head = f"HTTP/1.1 {status}\r\n{''.join(lines)}"
        ends = len(lines) + 1
        if head.count("\r") != ends or head.count("\n") != ends or "\0" in head:
            raise BadResponse("a header line holds CR, LF or NUL")
        self._head = head.encode("latin-1")
        return self.write

    def _lines(self, fields: Fields, lengthless: bool) -> list[str]:
        lines = []
        for name, value in fields:
            meaning = _known.get(name)
            if meaning is None:
                meaning = _meaning(name)
            if meaning:
                if meaning is _OURS:
                    self.keeps = self.keeps and value.lower() != "close"
                    continue
                if meaning is _DATE:
                    self._dated = True
                elif lengthless:
                    continue
                else:
                    self._left = int(value)
            lines.append(f"{name}: {value}\r\n")
        return lines

    def write(self, block: bytes) -> None:
        """Send a block, after the head where that was not sent; b"" sends the head alone."""
        if self._bodiless:
            block = b""
        elif self._left is not None:
            if len(block) > self._left:
                block, self.keeps = block[: self._left], False
            self._left -= len(block)
        if not self.head_sent:
            self._send_first(block)
        elif block:
            pieces = [b"%x\r\n" % len(block), block, b"\r\n"] if self._chunked else [block]
            self._connection.send(pieces, self._seconds)

    def _send_first(self, block: bytes) -> None:
        if self._left is None and not self._bodiless:
            self._chunked = not self._http_1_0
            self.keeps = self.keeps and self._chunked
        head = self._whole_head()
        self.head_sent = True
        if len(block) > _JOINED_BYTES:
            pieces = [b"%x\r\n" % len(block), block, b"\r\n"] if self._chunked else [block]
            self._connection.send([head, *pieces], self._seconds)
        elif self._chunked and block:
            self._connection.send([b"%b%x\r\n%b\r\n" % (head, len(block), block)], self._seconds)
        else:
            self._connection.send([head + block], self._seconds)

    def _whole_head(self) -> bytes:
        if not self._head:
            raise BadResponse("start_response was not called")
        lines = self._head if self._dated else self._head + date_line()
        if self.keeps and self._body.leaves_much():
            # The rest would have to be read to find the next request on this connection.
            self.keeps = False
        if not self.keeps:
            lines += b"Connection: close\r\n"
        elif self._http_1_0:
            lines += b"Connection: keep-alive\r\n"
        return lines + (b"Transfer-Encoding: chunked\r\n\r\n" if self._chunked else b"\r\n")

    def finish(self) -> None:
        """Send what is left to send; raises ShortBody where the body was not whole."""
        if self._left and not self._bodiless:
            raise ShortBody
        if not self.head_sent:
            self._send_first(b"")
        if self._chunked:
            self._connection.send([b"0\r\n\r\n"], self._seconds)


@lru_cache(_KNOWN_NAMES)
def _well_formed(status: str) -> bool:
    return _STATUS.fullmatch(status) is not None


def _meaning(name: str) -> int:
    if not _TOKEN.fullmatch(name):
        raise BadResponse("the name of a header line is not well-formed")
    if len(_known) >= _KNOWN_NAMES:
        _known.clear()
    return _known.setdefault(name, _MEANINGS.get(name.lower(), _PLAIN))


def date_line() -> bytes:
    """Return the Date line, made once a second."""
    global _date
    now = int(time())
    if now != _date[0]:
        _date = now, f"Date: {formatdate(now, usegmt=True)}\r\n".encode()
    return _date[1]


def close_blocks(blocks: Iterable[bytes]) -> None:
    """Tell the application that its answer has ended, however it did (PEP 3333)."""
    close = getattr(blocks, "close", None)
    if close is not None:
        close()
