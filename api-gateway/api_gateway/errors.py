"""What the gateway itself refuses or cannot do, each with its status and stable code."""

from chassis.exceptions import (
    BadGateway,
    BadRequest,
    Forbidden,
    GatewayTimeout,
    MethodNotAllowed,
    NotFound,
    PayloadTooLarge,
    ServiceError,
    ServiceUnavailable,
    TooManyRequests,
    Unauthorized,
)
from chassis.response import json_bytes


class BadTarget(BadRequest):
    """The request target is not acceptable."""

    code = "gateway.bad_target"


class BadHost(BadRequest):
    """The Host header is missing or malformed."""

    code = "gateway.bad_host"


class BadBody(BadRequest):
    """The request body is framed wrongly."""

    code = "gateway.bad_body"


class TokenMissing(Unauthorized):
    """A bearer token is required."""

    code = "unauthorized"


class OriginDenied(Forbidden):
    """This origin may not call the platform from a browser."""

    code = "gateway.origin_denied"


class UnknownRoute(NotFound):
    """There is nothing at this path."""

    code = "gateway.unknown_route"


class MethodRefused(MethodNotAllowed):
    """The gateway does not pass this method on."""

    code = "gateway.method_refused"


class BodyTooLarge(PayloadTooLarge):
    """The request body is larger than this route accepts."""

    code = "gateway.body_too_large"


class RateLimited(TooManyRequests):
    """This caller sent too many requests."""

    code = "gateway.rate_limited"


class ClientTooSlow(ServiceError):
    """The request body did not arrive in time."""

    status = 408
    code = "gateway.client_too_slow"


class UnknownCoding(ServiceError):
    """The transfer coding is not known; only chunked is."""

    status = 501
    code = "gateway.unknown_transfer_coding"


class LoopDetected(ServiceError):
    """The request came back to the gateway that sent it."""

    status = 508
    code = "gateway.loop_detected"


class NoRawTarget(ServiceError):
    """The server in use does not hand on the request target as it was sent."""

    status = 501
    code = "gateway.no_raw_target"


class UpstreamUnreachable(BadGateway):
    """The service cannot be reached."""

    code = "gateway.upstream_unreachable"


class NoHealthyInstance(ServiceUnavailable):
    """No instance of the service is healthy."""

    code = "gateway.no_healthy_instance"


class Overloaded(ServiceUnavailable):
    """The service has as many requests as it may have at one time."""

    code = "gateway.overloaded"


class UpstreamTimeout(GatewayTimeout):
    """The service did not answer in time."""

    code = "gateway.upstream_timeout"


class BadUpstreamAnswer(BadGateway):
    """The service's answer could not be used."""

    code = "gateway.bad_upstream_answer"


class ClientGone(Exception):
    """The client closed its connection; nobody is left to answer."""


class AnswerCut(Exception):
    """The upstream's body broke off after the head was sent: the client must see a cut as well."""


def envelope(error: ServiceError, request_id: str) -> bytes:
    """Encode the error envelope that every service uses (docs/architecture, HTTP conventions)."""
    return json_bytes(
        {
            "success": False,
            "message": error.message,
            "code": error.code,
            "errors": error.errors,
            "request_id": request_id,
        }
    )
