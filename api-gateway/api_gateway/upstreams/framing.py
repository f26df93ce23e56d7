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
    codings: list[bytes] = []
    lengths: list[bytes] = []
    options: list[bytes] = []
    for name, value in lines:
        if len(name) in _LENGTHS:
            lower = name.lower()
            if lower == b"content-length":
                lengths += value.split(b",")
            elif lower == b"transfer-encoding":
                codings += value.lower().split(b",")
            elif lower == b"connection":
                # RFC 9112 section 9.3.
                options += [option.strip() for option in value.lower().split(b",")]
    keep = b"close" not in options and (version == "1.1" or b"keep-alive" in options)
    if version not in ("1.1", "1.0") or status < 200:
        raise BadFraming(f"status {status}, version {version}")
    if codings and (codings != [b"chunked"] or lengths or version == "1.0"):
        raise BadFraming("transfer coding")
    if len(lengths) > 1 or (lengths and not (lengths[0].isdigit() and len(lengths[0]) <= 15)):
        raise BadFraming("content length")
    if method == "HEAD" or status in _BODILESS:
        return Kind.LENGTH, 0, keep
    if codings:
        return Kind.CHUNKED, 0, keep
    return (Kind.LENGTH, int(lengths[0]), keep) if lengths else (Kind.EOF, 0, False)
