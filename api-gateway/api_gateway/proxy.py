"""Forward one request to its service and turn the answer into a reply."""

from collections.abc import Callable
from http import HTTPStatus

from api_gateway.call import Call, Reply
from api_gateway.headers import downstream_fields, upstream_fields
from api_gateway.request_body import frame_body
from api_gateway.routes import Timeouts
from api_gateway.target import Target
from api_gateway.upstreams.connection import has_gone
from api_gateway.upstreams.request import Request, never
from api_gateway.upstreams.upstream import Upstream

_PHRASES = {status.value: status.phrase for status in HTTPStatus}


def _watch(call: Call) -> Callable[[], bool]:
    sock = call.environ.get("gunicorn.socket")
    if sock is None:
        return never
    return lambda: has_gone(sock.fileno())


def forward(
    call: Call, target: Target, upstream: Upstream, timeouts: Timeouts, limit: int
) -> Reply:
    """Send the request on and return the answer, its body still to be read.

    limit: the most body bytes accepted. Raises BodyTooLarge, ClientTooSlow, BadHost, LoopDetected,
    the upstream's failures and ClientGone.
    """
    fields = upstream_fields(call, target)
    framing, body = frame_body(call.environ, limit)
    if framing:
        fields.append(framing)
    request = Request(call.method, target.path + target.query, fields, body)
    answer = upstream.ask(request, _watch(call), timeouts)
    reason = answer.reason.decode("latin-1") or _PHRASES.get(answer.status, "Unknown")
    lines, present = downstream_fields(answer.lines)
    return Reply(f"{answer.status} {reason}", lines, answer, present)
