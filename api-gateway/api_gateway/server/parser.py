"""A request's head in pure Python, for machines where gunicorn's C parser could not be compiled.

Takes what that parser takes after head.py's checks, and nothing else (RFC 9112 sections 2.2, 3, 5);
a test compares the two (ADR 24). No pattern backtracks over what can be long (`++`, `*+`), so that
time is linear.
"""

import re
from typing import NoReturn, TypedDict

Fields = list[tuple[bytes, bytes]]

_TOKEN = rb"!#$%&'*+\-.^_`|~0-9A-Za-z"
_METHOD = rb"!$%&'*+\-.^_`|~0-9A-Z"  # As the C parser: no small letters, no number sign.
_LINE = re.compile(rb"([%b]{3,20}) ([!-~]+) HTTP/1\.([01])\r\n" % _METHOD)
# A line that is not well-formed is skipped, which the count of line feeds shows.
_FIELD = re.compile(rb"^([%b]++):[ \t]*+([^\x00-\x08\x0a-\x1f\x7f]*+)\r\n" % _TOKEN, re.MULTILINE)
_BARE = re.compile(rb"\r(?=[^\n])|(?<!\r)\n")
# What may still become a request line; a target that is too long is refused by its length.
_BEGUN = re.compile(rb"[%b]{0,20}(?: (?:[!-~]++(?: [HTP/.01]{0,8})?)?)?\r?\Z" % _METHOD)
_OTHER_VERSION = re.compile(rb"[%b]++ [^\r\n]* HTTP/(?!1\.[01])[0-9]\.[0-9]\r\n" % _METHOD)
_FRAMED = re.compile(rb"\r\n(?:content-length|transfer-encoding):", re.IGNORECASE)
_SINGLE = (b"host", b"content-length", b"content-type")
_CODINGS = {b"chunked", b"identity", b"gzip", b"compress"}


class ParseError(Exception):
    """The bytes are no head of a request."""


class IncompleteError(ParseError):
    """The head has not ended yet."""


class LimitRequestLine(ParseError):
    """The request line is too long."""


class LimitRequestHeaders(ParseError):
    """There are too many header lines, or one is too long."""


class InvalidRequestLine(ParseError):
    """The request line is not well-formed."""


class InvalidHTTPVersion(InvalidRequestLine):
    """The version is neither HTTP/1.0 nor HTTP/1.1."""


class InvalidHeader(ParseError):
    """A header line is not well-formed, or says something about the body that cannot be."""


class Head(TypedDict):
    """What parse_request returns; consumed: bytes of the head, with the empty line."""

    method: bytes
    path: bytes
    minor_version: int
    headers: Fields
    consumed: int


def parse_request(
    data: bytes, scanned: int, limit_line: int, limit_fields: int, limit_field: int
) -> Head:
    """Return the head at the start of `data`, as gunicorn_h1c.parse_request does.

    scanned: how much of `data` an earlier call saw. limit_line, limit_field: bytes of the request
    line, and of a header line with its end. limit_fields: header lines.
    Raises IncompleteError where more is to come, and the other kinds of ParseError.
    """
    end = data.find(b"\r\n\r\n", max(scanned - 3, 0)) + 2
    if end < 2:
        if _BARE.search(data, max(scanned - 1, 0)):
            raise ParseError("A line ends in a bare CR or LF")
        if scanned or _begun(data):
            raise IncompleteError
        end = data.rfind(b"\r\n") + 2
        _parse(data, end, limit_line, limit_fields, limit_field)
        raise IncompleteError
    return _parse(data, end, limit_line, limit_fields, limit_field)


def _begun(data: bytes) -> bool:
    """Say whether no line has ended yet, and that there is no need to wait for one."""
    if b"\r\n" in data:
        return False
    if not _BEGUN.match(data):
        raise InvalidRequestLine("No request begins like this")
    return True


def _parse(data: bytes, end: int, limit_line: int, limit_fields: int, limit_field: int) -> Head:
    line = _LINE.match(data, 0, end)
    if line is None or line.end() - 2 > limit_line:
        _refuse_line(data, limit_line)
    method, target, minor = line.groups()
    if target[0] != 0x2F:  # "/"
        _check_target(method, target)
    begin = line.end()
    fields: Fields = _FIELD.findall(data, begin, end)
    if len(fields) != data.count(b"\n", begin, end):
        raise InvalidHeader("A header line is not well-formed")
    if len(fields) > limit_fields:
        raise LimitRequestHeaders("There are too many header lines")
    if data.find(b" \r\n", begin, end) > 0 or data.find(b"\t\r\n", begin, end) > 0:
        fields = [(name, value.rstrip(b" \t")) for name, value in fields]
    if end > limit_field and any(len(n) + len(v) + 4 > limit_field for n, v in fields):
        raise LimitRequestHeaders("A header line is too long")
    minor_version = int(minor)
    if _FRAMED.search(data, begin - 2, end):
        _check_framing(fields, minor_version)
    return {
        "method": method,
        "path": target,
        "minor_version": minor_version,
        "headers": fields,
        "consumed": end + 2,
    }


def _refuse_line(data: bytes, limit_line: int) -> NoReturn:
    if data.find(b"\r\n") > limit_line:
        raise LimitRequestLine("The request line is too long")
    if _OTHER_VERSION.match(data):
        raise InvalidHTTPVersion("Only HTTP/1.0 and HTTP/1.1 are known")
    raise InvalidRequestLine("The request line is not well-formed")


def _check_target(method: bytes, target: bytes) -> None:
    """Refuse a target whose form is not the method's (RFC 9112 section 3.2)."""
    if target == b"*":
        if method != b"OPTIONS":
            raise InvalidRequestLine("Only OPTIONS may be about *")
    elif b"://" not in target and method != b"CONNECT":
        raise InvalidRequestLine("The target is relative")


def _check_framing(fields: Fields, minor_version: int) -> None:
    """Refuse what would let two servers disagree about where the body ends (RFC 9112 section 6)."""
    named: dict[bytes, list[bytes]] = {}
    for name, value in fields:
        named.setdefault(name.lower(), []).append(value)
    if any(len(named.get(name, ())) > 1 for name in _SINGLE):
        raise InvalidHeader("A header that may be there once is there twice")
    length = named.get(b"content-length")
    if length is not None and not length[0].isdigit():
        raise InvalidHeader("Content-Length is not a number")
    values = b",".join(named.get(b"transfer-encoding", ())).lower().split(b",")
    codings = [coding for value in values if (coding := value.strip(b" \t"))]
    if not _CODINGS.issuperset(codings):
        raise InvalidHeader("Unsupported Transfer-Encoding")
    if b"chunked" in codings[:-1]:
        raise InvalidHeader("chunked is not the last coding")
    if codings[-1:] == [b"chunked"] and (length is not None or minor_version == 0):
        raise InvalidHeader("Transfer-Encoding stands with a Content-Length or in HTTP/1.0")
