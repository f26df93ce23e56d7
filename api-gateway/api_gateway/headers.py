"""Header rules of both directions: what belongs to one hop goes first, our own come last."""

import re

from api_gateway.call import Call, Environ, Fields
from api_gateway.errors import BadHost, LoopDetected
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
_TOKEN = re.compile(r"[A-Za-z0-9._:@-]+")
_names: dict[str, tuple[str, str]] = {}


def _name(raw: str) -> tuple[str, str]:
    # Lower-cased for the rules, title-cased for the wire; remembered, as few names are in use.
    known = _names.get(raw)
    if known is None:
        known = raw.lower(), raw.title()
        if len(_names) < 1000:
            _names[raw] = known
    return known


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
    if not _HOST.fullmatch(host):
        raise BadHost
    return host


def _outer_host(call: Call) -> str | None:
    host = call.origin.host
    return host if host and _HOST.fullmatch(host) else None


def upstream_fields(call: Call, target: Target) -> list[str]:
    """Return the header lines for the service, without Host and framing, each ending in CRLF.

    Raises LoopDetected when our own Via came back (RFC 9110 section 7.6.3).
    """
    environ = call.environ
    dropped: frozenset[str] | set[str] = _REQUEST_DROPPED
    named = environ.get("HTTP_CONNECTION")
    if named and named.lower() not in ("keep-alive", "close"):
        dropped = _REQUEST_DROPPED | {part.strip().lower() for part in named.split(",")}
    lines = []
    for raw, value in request_fields(environ):
        lower, name = _name(raw)
        if lower in dropped or lower.startswith(_OURS) or "_" in lower:
            continue
        lines.append(f"{name}: {value}\r\n")
    return lines + _own_fields(call, _outer_host(call) or client_host(environ, target))


def _own_fields(call: Call, host: str) -> list[str]:
    environ = call.environ
    via = environ.get("HTTP_VIA")
    if via and VIA in via:
        raise LoopDetected
    lines = [
        f"X-Request-ID: {call.request_id}\r\n",
        f"Traceparent: {call.traceparent}\r\n",
        f"X-Forwarded-For: {call.origin.address}\r\n",
        f"X-Forwarded-Proto: {call.origin.scheme}\r\n",
        f"Via: {via + ', ' if via else ''}1.1 {VIA}\r\n",
    ]
    if host:
        lines.append(f"X-Forwarded-Host: {host}\r\n")
    if call.claims is not None:
        lines += _identity(call.claims)
    return lines


def _identity(claims: dict[str, object]) -> list[str]:
    roles = claims.get("roles")
    names = [role for role in roles if isinstance(role, str)] if isinstance(roles, list) else []
    lines = [("X-User-Id", [str(claims["sub"])]), ("X-User-Roles", names)]
    # A claim that could end a header line is left out; the service reads the token itself anyway.
    return [
        f"{name}: {','.join(values)}\r\n"
        for name, values in lines
        if values and all(_TOKEN.fullmatch(value) for value in values)
    ]


def downstream_fields(fields: list[tuple[bytes, bytes]]) -> Fields:
    """Return an upstream's lines for the client: order and repetition kept, hop-by-hop gone."""
    dropped: frozenset[bytes] | set[bytes] = _RESPONSE_DROPPED
    for name, value in fields:
        if name.lower() == b"connection" and value.lower() not in (b"keep-alive", b"close"):
            dropped = dropped | {part.strip().lower() for part in value.split(b",")}
    return [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in fields
        if name.lower() not in dropped
    ]
