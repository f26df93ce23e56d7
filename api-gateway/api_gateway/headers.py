"""Header rules of both directions: what belongs to one hop goes first, our own come last."""

import re
from functools import lru_cache

from api_gateway.call import Call, Environ, Fields
from api_gateway.errors import BadHost, LoopDetected
from api_gateway.middleware.security_headers import SECURITY_NAMES
from api_gateway.target import Target

VIA = "platform-gateway"
# RFC 9110 section 7.6.1, and what others learned to drop. `Proxy` would become HTTP_PROXY in a CGI
# service (httpoxy). Expect was answered here. Framing is set anew from what is really sent.
_HOP_BY_HOP = frozenset(
    {
        "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding",
        "proxy-authenticate", "proxy-authorization", "proxy-authentication-info", "upgrade",
        "http2-settings",
    }
)  # fmt: skip
_REQUEST_DROPPED = _HOP_BY_HOP | {
    "host", "content-length", "expect", "proxy", "forwarded", "traceparent", "via",
    "x-real-ip", "x-request-id",
}  # fmt: skip
# Origins are judged at the edge alone, and two lines of one of these headers are none to a browser.
_RESPONSE_DROPPED = frozenset(
    name.encode()
    for name in _HOP_BY_HOP
    | {"alt-svc", "x-request-id", "x-response-time", "access-control-allow-origin"}
)
# Whoever could set these could be anybody, or come from anywhere.
_OURS = ("x-user-", "x-forwarded-")
_HOST = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=%-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?")
# Header lines by name as they came in: how the line for the other side begins, "" where it is
# dropped. Few names are in use, and each is judged once.
_KNOWN_NAMES = 1000
_onward: dict[str, str] = {}
# Of an answer's lines also the lower-case name where others look for it.
_back: dict[bytes, tuple[str, str]] = {}


def _judge_onward(raw: str) -> str:
    lower = raw.lower()
    dropped = lower in _REQUEST_DROPPED or lower.startswith(_OURS) or "_" in lower
    if len(_onward) >= _KNOWN_NAMES:
        _onward.clear()
    _onward[raw] = found = "" if dropped else f"{raw.title()}: "
    return found


def _judge_back(raw: bytes) -> tuple[str, str]:
    name = "" if raw.lower() in _RESPONSE_DROPPED else raw.decode("latin-1")
    lower = name.lower()
    if len(_back) >= _KNOWN_NAMES:
        _back.clear()
    _back[raw] = found = name, lower if lower in SECURITY_NAMES else ""
    return found


def request_fields(environ: Environ) -> Fields:
    """Return the client's header lines in order, repeated ones apart where the server tells."""
    lines: Fields | None = environ.get("gateway.fields")
    if lines is not None:
        return lines
    found = [
        (key[5:].replace("_", "-"), value)
        for key, value in environ.items()
        if key.startswith("HTTP_")
    ]
    if environ.get("CONTENT_TYPE"):
        found.append(("CONTENT-TYPE", environ["CONTENT_TYPE"]))
    return found


def client_host(environ: Environ, target: Target) -> str:
    """Return the authority the client asked for.

    Raises BadHost where HTTP/1.1 has none or it could not stand in a URL (RFC 9112 section 3.2).
    """
    host = target.authority if target.authority is not None else environ.get("HTTP_HOST")
    if host is None:
        if environ.get("SERVER_PROTOCOL") == "HTTP/1.0":
            return ""
        raise BadHost
    if not _is_authority(host):
        raise BadHost
    return host


@lru_cache(_KNOWN_NAMES)
def _is_authority(host: str) -> bool:
    return _HOST.fullmatch(host) is not None


def _outer_host(call: Call) -> str | None:
    host = call.origin.host
    return host if host and _is_authority(host) else None


def upstream_fields(call: Call, target: Target) -> list[str]:
    """Return the header lines for the service, without Host and framing, each ending in CRLF.

    Raises LoopDetected when our own Via came back (RFC 9110 section 7.6.3).
    """
    environ = call.environ
    lines = []
    for raw, value in request_fields(environ):
        begin = _onward.get(raw)
        if begin is None:
            begin = _judge_onward(raw)
        if begin:
            lines.append(f"{begin}{value}\r\n")
    named = environ.get("HTTP_CONNECTION")
    if named and named.lower() not in ("keep-alive", "close"):
        options = tuple(f"{part.strip().lower()}: " for part in named.split(","))
        lines = [line for line in lines if not line.lower().startswith(options)]
    lines.append(_own_fields(call, _outer_host(call) or client_host(environ, target)))
    return lines


def _own_fields(call: Call, host: str) -> str:
    via = call.environ.get("HTTP_VIA")
    if via and VIA in via:
        raise LoopDetected
    origin, caller = call.origin, call.caller
    return (
        f"X-Request-ID: {call.request_id}\r\n"
        f"Traceparent: {call.traceparent}\r\n"
        f"X-Forwarded-For: {origin.address}\r\n"
        f"X-Forwarded-Proto: {origin.scheme}\r\n"
        f"Via: {via + ', ' if via else ''}1.1 {VIA}\r\n"
    ) + ((f"X-Forwarded-Host: {host}\r\n" if host else "") + (caller.fields if caller else ""))


def downstream_fields(lines: list[tuple[bytes, bytes]]) -> tuple[Fields, set[str]]:
    """Return an upstream's lines for the client, and which of SECURITY_NAMES are among them.

    Order and repetition are kept, hop-by-hop lines are gone.
    """
    fields: Fields = []
    present: set[str] = set()
    named: set[str] = set()
    for raw, value in lines:
        name, watched = _back.get(raw) or _judge_back(raw)
        if name:
            fields.append((name, value.decode("latin-1")))
            if watched:
                present.add(watched)
        elif raw.lower() == b"connection" and value.lower() not in (b"keep-alive", b"close"):
            options = value.decode("latin-1").lower().split(",")
            named |= {part.strip() for part in options}
    if named:
        fields = [field for field in fields if field[0].lower() not in named]
        present -= named
    return fields, present
