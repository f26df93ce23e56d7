"""A request's head: read by gunicorn's C parser, and judged where that is too lenient.

The parser (picohttpparser) takes a bare LF for a line end, an empty line before the request line,
folded lines and several spaces between the words; each is a way to smuggle a request past a server
that reads it otherwise (RFC 9112 section 11.2). Where it could not be compiled, parser.py takes its
place (ADR 24).
"""

import re
from typing import Any
from urllib.parse import unquote_to_bytes

from api_gateway.errors import BadHost, UnknownCoding
from api_gateway.server.refusal import (
    ExpectationFailed,
    HeadersTooLarge,
    Malformed,
    TargetTooLong,
    UnknownVersion,
)

try:
    from gunicorn_h1c import (
        IncompleteError,
        InvalidHTTPVersion,
        LimitRequestHeaders,
        LimitRequestLine,
        ParseError,
        parse_request,
    )
except ImportError:
    from api_gateway.server.parser import (
        IncompleteError,
        InvalidHTTPVersion,
        LimitRequestHeaders,
        LimitRequestLine,
        ParseError,
        parse_request,
    )

# RFC 9112 section 3 asks for 8000 octets at least.
LINE_BYTES = 8190
FIELD_LINES = 100
HEAD_BYTES = 65536
CHUNKED = -1
_LENGTH = re.compile(r"[0-9]{1,15}")
_VERSION = re.compile(rb"[^\r\n]* HTTP/[0-9]\.[0-9]\r?\n")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")
_SINGLE = frozenset({"HTTP_HOST", "CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING", "CONTENT_TYPE"})
_NAMES = 1000
# Bytes of the wire -> name and key in environ, both empty for a line to drop.
_names: dict[bytes, tuple[str, str]] = {}

Environ = dict[str, Any]


class Request:
    """A request whose head was read. length: of its body in bytes, or CHUNKED."""

    __slots__ = ("environ", "expects", "http_1_0", "keeps", "length")

    def __init__(self, environ: Environ, http_1_0: bool) -> None:
        self.environ = environ
        self.http_1_0 = http_1_0
        self.length = _body_length(environ, http_1_0)
        self.keeps = _keeps_alive(environ, http_1_0)
        self.expects = "HTTP_EXPECT" in environ and _expects_continue(environ, http_1_0)


def read_head(data: bytes, scanned: int, template: Environ) -> tuple[Request, int] | None:
    """Return the request at the start of `data` and the size of its head; None: more is to come.

    scanned: how much of `data` an earlier call saw. template: what environ holds besides.
    Raises Malformed and the other refusals, BadHost, UnknownCoding.
    """
    try:
        head = parse_request(data, scanned, LINE_BYTES, FIELD_LINES, LINE_BYTES)
    except IncompleteError:
        _check_size(data)
        return None
    except ParseError as error:
        raise _refused(error, data) from None
    size, method, target = head["consumed"], head["method"], head["path"]
    if size > HEAD_BYTES:
        raise HeadersTooLarge
    if not data.startswith(b"%b %b HTTP/1." % (method, target)) or not target.isascii():
        raise Malformed("The request line is not well-formed")
    # The parser took CR only before LF, so that as many as there are lines leave no bare LF.
    if data.count(b"\r", 0, size) != len(head["headers"]) + 2:
        raise Malformed("A line of the head ends in a bare line feed")
    environ = template.copy()
    environ["REQUEST_METHOD"] = method.decode("ascii")
    _set_target(environ, target.decode("ascii"))
    _set_fields(environ, head["headers"])
    http_1_0 = not head["minor_version"]
    if http_1_0:
        environ["SERVER_PROTOCOL"] = "HTTP/1.0"
    elif "HTTP_HOST" not in environ:
        raise BadHost
    return Request(environ, http_1_0), size


def _set_target(environ: Environ, target: str) -> None:
    environ["RAW_URI"] = target
    path, _, environ["QUERY_STRING"] = target.partition("?")
    if path[0] != "/" and (match := _ABSOLUTE.match(path)):
        path = path[match.end() :] or "/"
    environ["PATH_INFO"] = unquote_to_bytes(path).decode("latin-1") if "%" in path else path


def _set_fields(environ: Environ, lines: list[tuple[bytes, bytes]]) -> None:
    fields = environ["gateway.fields"] = []
    for raw, value in lines:
        name, key = _names.get(raw) or _learn(raw)
        if not key:
            continue
        text = value.decode("latin-1")
        fields.append((name, text))
        if key in environ:
            if key in _SINGLE:
                raise Malformed(f"{name.title()} stands there twice")
            text = f"{environ[key]}{'; ' if key == 'HTTP_COOKIE' else ','}{text}"
        environ[key] = text


def _learn(raw: bytes) -> tuple[str, str]:
    name = raw.decode("latin-1").upper()
    if not name:
        raise Malformed("A header line is folded")
    # RFC 9110 section 17.10: X_User_Id would be X-User-Id to whoever reads environ.
    key = "" if "_" in name else f"HTTP_{name.replace('-', '_')}"
    if name in ("CONTENT-TYPE", "CONTENT-LENGTH"):
        key = key.removeprefix("HTTP_")
    if len(_names) >= _NAMES:
        _names.clear()
    _names[raw] = found = (name, key)
    return found


def _body_length(environ: Environ, http_1_0: bool) -> int:
    coding: str | None = environ.get("HTTP_TRANSFER_ENCODING")
    length: str | None = environ.get("CONTENT_LENGTH")
    if coding is None:
        if length is None:
            return 0
        if not _LENGTH.fullmatch(length):
            raise Malformed("Content-Length is not a number")
        return int(length)
    if length is not None or http_1_0 or not coding:
        raise Malformed("Transfer-Encoding stands with a Content-Length, in HTTP/1.0 or empty")
    if coding.lower() != "chunked":
        raise UnknownCoding
    return CHUNKED


def _keeps_alive(environ: Environ, http_1_0: bool) -> bool:
    options = environ.get("HTTP_CONNECTION")
    if environ["REQUEST_METHOD"] == "CONNECT":
        return False  # What follows is not HTTP, whatever the answer (RFC 9931 section 8).
    if options is None:
        return not http_1_0
    named = {option.strip() for option in options.lower().split(",")}
    return "close" not in named and (not http_1_0 or "keep-alive" in named)


def _expects_continue(environ: Environ, http_1_0: bool) -> bool:
    if environ["HTTP_EXPECT"].lower() != "100-continue":
        raise ExpectationFailed
    return not http_1_0  # RFC 9110 section 10.1.1: in HTTP/1.0 it is ignored.


def _check_size(data: bytes) -> None:
    if len(data) > LINE_BYTES + 2 and b"\n" not in data[: LINE_BYTES + 2]:
        raise TargetTooLong
    if len(data) > HEAD_BYTES:
        raise HeadersTooLarge


def _refused(error: Exception, data: bytes) -> Exception:
    if isinstance(error, LimitRequestLine):
        return TargetTooLong()
    # The parser gives up on more lines than it can hold, without saying so.
    too_many = type(error) is ParseError and data.count(b"\r\n") > FIELD_LINES + 2
    if too_many or isinstance(error, LimitRequestHeaders):
        return HeadersTooLarge()
    if isinstance(error, InvalidHTTPVersion) and _VERSION.match(data):
        return UnknownVersion()
    if "Unsupported Transfer-Encoding" in str(error):
        return UnknownCoding()
    return Malformed(f"The request is not well-formed HTTP/1.1: {error}")
