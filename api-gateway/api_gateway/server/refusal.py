"""What is refused before there is a request for the application, in the platform's envelope."""

from http import HTTPStatus

from api_gateway.errors import envelope
from chassis.exceptions import ServiceError
from chassis.request_id import accept_request_id


class Malformed(ServiceError):
    """The request is not well-formed HTTP/1.1."""

    status = 400
    code = "gateway.malformed_request"


class HeadTooSlow(ServiceError):
    """The request head did not arrive in time."""

    status = 408
    code = "gateway.client_too_slow"


class TargetTooLong(ServiceError):
    """The request line is too long."""

    status = 414
    code = "gateway.target_too_long"


class ExpectationFailed(ServiceError):
    """The expectation cannot be met; only 100-continue can."""

    status = 417
    code = "gateway.expectation_failed"


class HeadersTooLarge(ServiceError):
    """The request headers are too large."""

    status = 431
    code = "gateway.headers_too_large"


class UnknownVersion(ServiceError):
    """The version is not known; HTTP/1.1 and HTTP/1.0 are."""

    status = 505
    code = "gateway.unknown_version"


def refusal(error: ServiceError) -> bytes:
    """Return the whole response for an error; the connection has to close after it."""
    request_id = accept_request_id(None)
    body = envelope(error, request_id)
    head = (
        f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n"
        f"X-Request-ID: {request_id}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + body
