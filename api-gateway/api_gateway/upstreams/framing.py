"""Where a response's body ends: RFC 9112 section 6.3, and nothing more lenient."""

from enum import Enum

Lines = list[tuple[bytes, bytes]]
_BODILESS = (204, 304)
# The lengths of the names that matter here: most lines are passed over by theirs.
_LENGTHS = frozenset({len(b"connection"), len(b"content-length"), len(b"transfer-encoding")})


class BadFraming(Exception):
    """The end of the message cannot be told without doubt."""


class Kind(Enum):
    """How the end of a body shows."""

    LENGTH = "length"
    CHUNKED = "chunked"
    EOF = "eof"


def judge(method: str, status: int, version: str, lines: Lines) -> tuple[Kind, int, bool]:
    """Return the kind of body, its length for `LENGTH`, and whether the connection stays open.

    The parser has refused doubled and malformed lengths and a length beside a transfer coding
    already; what it lets pass is refused here. Raises BadFraming.
    """
    length: bytes | None = None
    coding: bytes | None = None
    keep, close = version == "1.1", False
    for name, value in lines:
        if len(name) not in _LENGTHS:
            continue
        lower = name.lower()
        if lower == b"content-length":
            if length is not None:
                raise BadFraming("content length")
            length = value
        elif lower == b"transfer-encoding":
            if coding is not None:
                raise BadFraming("transfer coding")
            coding = value.lower()
        elif lower == b"connection" and not (keep and value == b"keep-alive"):
            # RFC 9112 section 9.3.
            options = [option.strip() for option in value.lower().split(b",")]
            close = close or b"close" in options
            keep = keep or b"keep-alive" in options
    if version not in ("1.1", "1.0") or status < 200:
        raise BadFraming(f"status {status}, version {version}")
    if coding is not None and (coding != b"chunked" or length is not None or version == "1.0"):
        raise BadFraming("transfer coding")
    if length is not None and not (length.isdigit() and len(length) <= 15):
        raise BadFraming("content length")
    if method == "HEAD" or status in _BODILESS:
        return Kind.LENGTH, 0, keep and not close
    if coding is not None:
        return Kind.CHUNKED, 0, keep and not close
    if length is None:
        return Kind.EOF, 0, False
    return Kind.LENGTH, int(length), keep and not close
