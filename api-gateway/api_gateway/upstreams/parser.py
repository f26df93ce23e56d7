"""llhttp, as httptools wraps it, for the responses on one connection; `framing` judges further."""

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from api_gateway.upstreams.framing import BadFraming, Lines

_MOST_INFORMATIONAL = 7


class ResponseParser:
    """Feed it bytes; `status` is set once the final head is whole, `complete` with the body's end.

    surplus: bytes came after the end, so that the connection must not be used again.
    """

    __slots__ = (
        "_blocks", "_informational", "_parser", "complete", "lines", "reason", "status", "surplus",
        "version",
    )  # fmt: skip

    def __init__(self) -> None:
        self._parser: HttpResponseParser | None = HttpResponseParser(self)
        self.begin()

    def begin(self) -> None:
        """Forget the last response; only after one that was complete and had no surplus."""
        self.lines: Lines = []
        self.reason = b""
        self.status = 0
        self.version = ""
        self.complete = False
        self.surplus = False
        self._blocks: list[bytes] = []
        self._informational = 0

    def feed(self, data: bytes) -> None:
        """Parse on; raises BadFraming."""
        if self._parser is None:
            return
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            # What follows a complete message spoils the connection, not the message.
            if not self.complete:
                raise BadFraming(str(error)) from None
            self.surplus = True

    def drop(self) -> None:
        """Let go of llhttp: it and this object keep each other alive."""
        self._parser = None

    def head_bytes(self) -> int:
        """Return how large the header lines are, about."""
        return sum(len(name) + len(value) + 4 for name, value in self.lines)

    def take(self) -> bytes:
        """Return the body bytes found since the last call."""
        blocks = self._blocks
        if not blocks:
            return b""
        data = blocks[0] if len(blocks) == 1 else b"".join(blocks)
        blocks.clear()
        return data

    def on_message_begin(self) -> None:
        if self.complete:
            self.surplus = True  # A second response, which nobody asked for.

    def on_status(self, reason: bytes) -> None:
        if not self.status:
            self.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.status:  # Later ones are trailers, which never become headers.
            self.lines.append((name, value))

    def on_headers_complete(self) -> None:
        if self.status or self._parser is None:
            return
        status: int = self._parser.get_status_code()
        # 1xx answers come before the real one; 101 is none, because we never ask for an upgrade.
        if 100 <= status < 200 and status != 101 and self._informational < _MOST_INFORMATIONAL:
            self._informational += 1
            self.lines, self.reason = [], b""
            return
        self.status = status
        self.version = self._parser.get_http_version()

    def on_body(self, block: bytes) -> None:
        if not self.complete:
            self._blocks.append(block)

    def on_message_complete(self) -> None:
        self.complete = self.status != 0
