"""One response of an upstream, read from its connection as it is needed."""

import time
from collections.abc import Callable

from api_gateway.errors import AnswerCut
from api_gateway.upstreams.connection import LARGE_BLOCK, Connection, Patience
from api_gateway.upstreams.framing import BadFraming, Kind, judge, keeps_alive
from api_gateway.upstreams.parser import ResponseParser

_HEAD_BYTES = 65536
_HEAD_LINES = 200


class Disconnected(Exception):
    """The upstream closed before the first byte of a response."""


def _read_head(parser: ResponseParser, connection: Connection, patience: Patience) -> None:
    deadline = time.monotonic() + patience.timeout
    received = 0
    while not parser.status:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        try:
            data = connection.receive(patience, left)
        except TimeoutError:
            raise
        except OSError as error:
            raise BadFraming("reset within the head") if received else Disconnected from error
        if not data:
            raise BadFraming("end within the head") if received else Disconnected
        received += len(data)
        parser.feed(data)
        if received > _HEAD_BYTES and (not parser.status or parser.head_bytes() > _HEAD_BYTES):
            raise BadFraming("head too large")
    if len(parser.lines) > _HEAD_LINES:
        raise BadFraming("too many header lines")


class Answer:
    """Status, header lines and body blocks of one response.

    Iterate it once and always `close()` it: the connection goes back to its pool only when the body
    was read to its end and nothing came after it.
    """

    def __init__(
        self,
        connection: Connection,
        method: str,
        patience: Patience,
        release: Callable[[Connection], None],
    ) -> None:
        """Read the head; raises Disconnected, BadFraming, TimeoutError, ClientGone."""
        parser = ResponseParser()
        try:
            _read_head(parser, connection, patience)
            self._kind, length = judge(method, parser.status, parser.version, parser.lines)
        except BaseException:
            parser.drop()
            raise
        if self._kind is not Kind.CHUNKED:
            parser.drop()
        self.status, self.reason, self.lines = parser.status, parser.reason, parser.lines
        self._connection: Connection | None = connection
        self._patience, self._release, self._parser = patience, release, parser
        self._keep = keeps_alive(parser.version, parser.lines)
        self._block = parser.take()
        self._left = length - len(self._block)
        if self._kind is Kind.LENGTH and self._left < 0:
            # Bytes after the head of an answer that has no body: nobody's.
            self._block, self._left, self._keep = b"", 0, False
        self._finish_if_done()

    def __iter__(self) -> "Answer":
        return self

    def __next__(self) -> bytes:
        """Return the next block as soon as there is one; raises AnswerCut, ClientGone."""
        while not self._block:
            if self._connection is None:
                raise StopIteration
            self._read_on(self._connection)
        block, self._block = self._block, b""
        return block

    def _read_on(self, connection: Connection) -> None:
        try:
            data = connection.receive(self._patience, most=LARGE_BLOCK)
            if self._kind is Kind.CHUNKED:
                self._parser.feed(data)
        except TimeoutError:
            raise AnswerCut("no progress in time") from None
        except (OSError, BadFraming) as error:
            raise AnswerCut(str(error)) from None
        if self._kind is Kind.EOF and not data:
            self.close()
        elif not data:
            raise AnswerCut("end before the end of the body")
        elif self._kind is Kind.CHUNKED:
            self._block = self._parser.take()
        elif self._kind is Kind.EOF:
            self._block = data
        else:
            self._keep = self._keep and len(data) <= self._left
            self._block = data[: self._left]
            self._left -= len(self._block)
        self._finish_if_done()

    def _finish_if_done(self) -> None:
        done = (
            self._parser.complete
            if self._kind is Kind.CHUNKED
            else self._kind is Kind.LENGTH and not self._left
        )
        if not done or self._connection is None:
            return
        self._parser.drop()
        if self._keep and self._connection.whole and not self._parser.surplus:
            self._release(self._connection)
            self._connection = None
        else:
            self.close()

    def close(self) -> None:
        """Give the connection up unless it went back to its pool; can be called again."""
        self._parser.drop()
        if self._connection is not None:
            self._connection.close()
            self._connection = None
