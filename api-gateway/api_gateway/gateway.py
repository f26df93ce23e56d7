"""The Flask application, with proxied traffic branching off before Flask's routing."""

import errno
import logging
from collections.abc import Iterable, Set
from http import HTTPStatus
from typing import Any

from flask import Flask

from api_gateway.call import Call, Environ, Fields, Reply
from api_gateway.errors import ClientGone, MethodRefused, NoRawTarget, envelope
from api_gateway.middleware.access_log import AccessLog, Counted
from api_gateway.middleware.auth import TokenCheck
from api_gateway.middleware.cors import Cors
from api_gateway.middleware.metrics import Metrics
from api_gateway.middleware.origin import Origins
from api_gateway.middleware.rate_limit import RateLimits
from api_gateway.middleware.security_headers import SecurityHeaders
from api_gateway.proxy import forward
from api_gateway.routes import Policy, RouteTable
from api_gateway.target import Target, read_target
from api_gateway.upstreams.registry import Upstreams
from chassis.exceptions import ServiceError, Unauthorized
from chassis.request_id import set_request_id
from chassis.tracing import set_traceparent

logger = logging.getLogger(__name__)


class Gateway(Flask):
    """Flask serves the gateway's own pages; a request for a service never enters its routing.

    Flask would decode and normalise the path, redirect for slashes, answer OPTIONS itself and
    rewrite headers. All requests get the same ids, headers, error envelope and log line.
    """

    table: RouteTable
    upstreams: Upstreams
    origins: Origins
    cors: Cors
    tokens: TokenCheck
    limits: RateLimits
    security: SecurityHeaders
    metrics: Metrics
    access_log: AccessLog
    max_body_bytes: int

    def apply(self, table: RouteTable) -> None:
        """Use another route table from the next request on; running ones end as they began."""
        # Nothing here switches greenlets, so that no request sees one half of it.
        self.upstreams.apply(table)
        self.table = table

    def wsgi_app(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        call = Call(environ, self.origins.of(environ))
        set_request_id(call.request_id)
        set_traceparent(call.traceparent)
        own = True
        try:
            reply = self._reply(call)
            own = False
        except ServiceError as error:
            reply = error_reply(call, error)
        except ClientGone:
            call.status, call.error = 499, "client gone"
            self.ended(call)
            # Servers end the connection quietly on this one.
            raise ConnectionResetError(errno.ECONNRESET, "the client is gone") from None
        except Exception:
            logger.exception("unhandled error")
            reply = error_reply(call, ServiceError("Internal error"))
        if reply is None:
            return self._own_page(call, start_response)
        call.status = int(reply.status[:3])
        body = Counted(reply.body, call, self.ended)
        try:
            self._finish(call, reply.fields, reply.present, own=own)
            start_response(reply.status, reply.fields)
        except BaseException:
            body.close()  # It may hold a connection to a service.
            raise
        return body

    def ended(self, call: Call) -> None:
        """Count and log a call whose answer has ended."""
        self.metrics.count(call)
        self.access_log.write(call)

    def _reply(self, call: Call) -> Reply | None:
        target = _target(call)
        preflight = self.cors.preflight(call)
        if preflight is not None:
            return preflight
        route = self.table.match(target.path)
        if route is None:
            return None
        call.service = route.name
        if call.method == "TRACE":
            # It would show the Authorization header and the gateway's own to whoever can send it.
            raise MethodRefused(headers={"Allow": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"})
        policy = route.policy(call.method, target.path)
        if not route.public.cover(call.method, target.path):
            self._authenticate(call, policy)
        self.limits.check(call, policy)
        limit = policy.max_body_bytes or self.max_body_bytes
        return forward(call, target, self.upstreams[route.name], policy.timeouts, limit)

    def _authenticate(self, call: Call, policy: Policy) -> None:
        try:
            call.caller = self.tokens.caller(call.environ.get("HTTP_AUTHORIZATION"))
        except Unauthorized:
            self.limits.check(call, policy)  # Guessing tokens is limited as well.
            raise

    def _own_page(self, call: Call, start_response: Any) -> Iterable[bytes]:
        def start(status: str, fields: Fields, exc_info: Any = None) -> Any:
            call.status = int(status[:3])
            self._finish(call, fields, {name.lower() for name, _ in fields}, own=True)
            return start_response(status, fields, exc_info)

        return Counted(super().wsgi_app(call.environ, start), call, self.ended)

    def _finish(self, call: Call, fields: Fields, present: Set[str], *, own: bool) -> None:
        """Add what every answer carries. present: names of header lines that it has already."""
        fields.append(("X-Request-ID", call.request_id))
        fields.append(("X-Response-Time", f"{call.elapsed_ms():.1f}ms"))
        fields += call.quota
        self.security.decorate(fields, present, secure=call.origin.scheme == "https", own=own)
        self.cors.decorate(call.environ, fields)


def _target(call: Call) -> Target:
    # PATH_INFO is decoded, so that %2F and %2e in it can no longer be told from / and dot.
    raw = call.environ.get("RAW_URI") or call.environ.get("REQUEST_URI")
    if not raw:
        raise NoRawTarget
    call.path = raw.partition("?")[0]
    target = read_target(raw)
    call.path = target.path
    return target


def error_reply(call: Call, error: ServiceError) -> Reply:
    """Return the envelope of an error."""
    call.error = error.code
    if error.status >= 500 and error.__cause__ is not None:
        # What exactly was wrong with a service is for its operators, not for the client.
        call.error += f" ({type(error.__cause__).__name__}: {error.__cause__})"
    body = envelope(error, call.request_id)
    fields = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        *error.headers.items(),
    ]
    phrase = HTTPStatus(error.status).phrase
    blocks = () if call.method == "HEAD" else (body,)
    return Reply(f"{error.status} {phrase}", fields, blocks, {name.lower() for name, _ in fields})
