"""What the gateway sends to a service."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from api_gateway.routes import Timeouts

# RFC 9110 section 9.2.2, without TRACE, which never comes this far.
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
_KEY = "idempotency-key:"
NEVER = float("inf")


def never() -> bool:
    """Stand in for a client that cannot go away."""
    return False


@dataclass(slots=True)
class Terms:
    """How long a request may take and for whom. ends: by `time.monotonic`, all attempts included.

    client_gone: tells whether nobody waits for the answer any more; asked a few times a second.
    """

    timeouts: Timeouts
    ends: float = NEVER
    client_gone: Callable[[], bool] = never


@dataclass(slots=True)
class Request:
    """What to send. fields: header lines without Host, each ending in CRLF, framing included.

    body: bytes, or blocks that are framed already and can be read once.
    """

    method: str
    target: str
    fields: list[str]
    body: bytes | Iterable[bytes] = b""

    @property
    def whole(self) -> bool:
        """Tell whether all of it is here, so that it can be sent a second time."""
        return isinstance(self.body, bytes)

    @property
    def repeatable(self) -> bool:
        """Tell whether a service may see it a second time (RFC 9110 section 9.2.2).

        One with an Idempotency-Key is made to be sent again: the service keeps its answer.
        """
        return self.whole and (self.method in _IDEMPOTENT or self._has_key())

    def head(self, netloc: str) -> bytes:
        """Encode the head for the instance at `netloc`."""
        lines = "".join(self.fields)
        return f"{self.method} {self.target} HTTP/1.1\r\nHost: {netloc}\r\n{lines}\r\n".encode(
            "latin-1"
        )

    def _has_key(self) -> bool:
        keys = [line[len(_KEY) :].strip() for line in self.fields if line.lower().startswith(_KEY)]
        # As services accept it (chassis.idempotency); two keys are none.
        return len(keys) == 1 and 1 <= len(keys[0]) <= 255 and _printable(keys[0])


def _printable(key: str) -> bool:
    return key.isascii() and key.isprintable()
