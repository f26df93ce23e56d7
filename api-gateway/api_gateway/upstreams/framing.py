"""Where a response's body ends: RFC 9112 section 6.3, and nothing more lenient."""

from enum import Enum

Lines = list[tuple[bytes, bytes]]
_BODILESS = (204, 304)


class BadFraming(Exception):
    """The end of the message cannot be told without doubt."""


class Kind(Enum):
    """How the end of a body shows."""

    LENGTH = "length"
    CHUNKED = "chunked"
    EOF = "eof"


def tokens(lines: Lines, name: bytes) -> list[bytes]:
    """Return the members of a list-valued header, lower-cased."""
    return [
        part.strip().lower()
        for key, value in lines
        if key.lower() == name
        for part in value.split(b",")
    ]


def judge(method: str, status: int, version: str, lines: Lines) -> tuple[Kind, int]:
    """Return the kind of body and, for `LENGTH`, its length.

    The parser has refused doubled and malformed lengths and a length beside a transfer coding
    already; what it lets pass is refused here. Raises BadFraming.
    """
    codings, lengths = tokens(lines, b"transfer-encoding"), tokens(lines, b"content-length")
    if version not in ("1.1", "1.0") or status < 200:
        raise BadFraming(f"status {status}, version {version}")
    if codings and (codings != [b"chunked"] or lengths or version == "1.0"):
        raise BadFraming("transfer coding")
    if len(lengths) > 1 or (lengths and not (lengths[0].isdigit() and len(lengths[0]) <= 15)):
        raise BadFraming("content length")
    if method == "HEAD" or status in _BODILESS:
        return Kind.LENGTH, 0
    if codings:
        return Kind.CHUNKED, 0
    return (Kind.LENGTH, int(lengths[0])) if lengths else (Kind.EOF, 0)


def keeps_alive(version: str, lines: Lines) -> bool:
    """Tell whether the peer lets the connection be used again (RFC 9112 section 9.3)."""
    options = tokens(lines, b"connection")
    return b"close" not in options and (version == "1.1" or b"keep-alive" in options)
