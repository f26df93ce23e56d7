"""One response of an upstream, read from its connection as it is needed."""

from collections.abc import Iterator
from typing import Protocol

from api_gateway.errors import AnswerCut
from api_gateway.upstreams.breaker import Fault
from api_gateway.upstreams.connection import BLOCK, LARGE_BLOCK, Connection
from api_gateway.upstreams.framing import BadFraming, Kind, judge
from api_gateway.upstreams.parser import ResponseParser

_HEAD_BYTES = 65536
_HEAD_LINES = 200
_TOO_LONG = "it took longer than allowed"
_UNABLE = frozenset({502, 503, 504})


class Owner(Protocol):
    """Who gave the connection, and wants to know how the exchange went.

    epoch: the breaker's when it began. fault: None where nothing speaks against the instance.
    """

    def finished(
        self, connection: Connection, epoch: int, fault: Fault | None, reusable: bool
    ) -> None:
        """Take the connection back after a whole answer."""

    def dropped(self, connection: Connection, epoch: int, fault: Fault | None) -> None:
        """Close the connection after half an answer."""


class Disconnected(Exception):
    """The upstream closed before the first byte of a response."""


def _read_head(connection: Connection) -> ResponseParser:
    parser = connection.parser
    if parser is None:
        parser = connection.parser = ResponseParser()
    else:
        parser.begin()
    connection.expire_in(connection.terms.timeouts.read)
    try:
        data = connection.receive_soon(BLOCK)
    except TimeoutError:
        raise
    except OSError as error:
        raise Disconnected(str(error)) from error
    if not data:
        raise Disconnected("closed without an answer")
    parser.feed(data)
    if not parser.status:
        _read_on(connection, parser, len(data))
    if len(parser.lines) > _HEAD_LINES:
        raise BadFraming("too many header lines")
    return parser


def _read_on(connection: Connection, parser: ResponseParser, received: int) -> None:
    """Read the rest of a head; the wait for all of it ends when it would have ended anyway."""
    while not parser.status:
        try:
            data = connection.receive_soon(BLOCK)
        except TimeoutError:
            raise
        except OSError as error:
            raise BadFraming("reset within the head") from error
        if not data:
            raise BadFraming("end within the head")
        received += len(data)
        parser.feed(data)
        if received > _HEAD_BYTES and (not parser.status or parser.head_bytes() > _HEAD_BYTES):
            raise BadFraming("head too large")


class Answer:
    """Status, header lines and body blocks of one response.

    Iterate it once and always `close()` it: the connection goes back to its pool only when the body
    was read to its end and nothing came after it.
    """

    __slots__ = (
        "_block", "_connection", "_epoch", "_keep", "_kind", "_left", "_owner", "lines", "reason",
        "status",
    )  # fmt: skip

    def __init__(self, connection: Connection, method: str, owner: Owner, epoch: int) -> None:
        """Read the head; raises Disconnected, BadFraming, TimeoutError, ClientGone."""
        parser = _read_head(connection)
        self.status, self.reason, self.lines = parser.status, parser.reason, parser.lines
        self._kind, length, self._keep = judge(method, self.status, parser.version, self.lines)
        self._block = parser.take()
        self._left = length - len(self._block)
        self._connection: Connection | None = connection
        self._owner, self._epoch = owner, epoch
        if self._kind is Kind.CHUNKED:
            if parser.complete:
                self._end()
        elif self._kind is Kind.LENGTH and self._left <= 0:
            if self._left:
                # Bytes after the head of an answer that has no body: nobody's.
                self._block, self._keep = b"", False
            self._end()
        else:
            # The rest is read as it comes: llhttp would only copy it.
            connection.drop_parser()

    def __iter__(self) -> Iterator[bytes]:
        """Yield each block as soon as there is one; raises AnswerCut, ClientGone."""
        while True:
            if self._block:
                block, self._block = self._block, b""
                yield block
            elif self._connection is None:
                return
            else:
                self._read_on(self._connection)

    def _read_on(self, connection: Connection) -> None:
        if connection.overdue:
            raise self._cut(_TOO_LONG, None)
        try:
            data = connection.receive(LARGE_BLOCK)
            if self._kind is Kind.CHUNKED and connection.parser is not None:
                connection.parser.feed(data)
        except TimeoutError:
            # The head came in time: a stream without events says nothing against the service.
            reason = _TOO_LONG if connection.overdue else "no progress in time"
            raise self._cut(reason, None) from None
        except (OSError, BadFraming) as error:
            raise self._cut(str(error), Fault.BAD) from None
        if not data and self._kind is not Kind.EOF:
            raise self._cut("end before the end of the body", Fault.BAD)
        self._take(data, connection)

    def _take(self, data: bytes, connection: Connection) -> None:
        if self._kind is Kind.LENGTH:
            left = self._left - len(data)
            if left < 0:
                self._keep, data, left = False, data[:left], 0
            self._block, self._left = data, left
            if not left:
                self._end()
        elif self._kind is Kind.EOF:
            self._block = data
            if not data:
                self._end()
        elif connection.parser is not None:
            self._block = connection.parser.take()
            if connection.parser.complete:
                self._end()

    def _end(self) -> None:
        """Give the connection back after a whole answer."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        reusable = self._keep and connection.whole
        parser = connection.parser
        if parser is not None:
            if parser.surplus:
                reusable = False
            elif not parser.complete:
                connection.drop_parser()
        fault = Fault.ANSWERED if self.status in _UNABLE else None
        self._owner.finished(connection, self._epoch, fault, reusable)

    def _cut(self, reason: str, fault: Fault | None) -> AnswerCut:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._owner.dropped(connection, self._epoch, fault)
        return AnswerCut(reason)

    def close(self) -> None:
        """Give the connection up unless it went back to its pool; can be called again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            fault = Fault.ANSWERED if self.status in _UNABLE else None
            self._owner.dropped(connection, self._epoch, fault)
