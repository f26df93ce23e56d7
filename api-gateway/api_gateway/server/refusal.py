"""The envelope for what gunicorn refuses before there is a request to speak of."""

from http import HTTPStatus

from gunicorn.http.errors import (
    ExpectationFailed,
    InvalidResponseHeader,
    InvalidResponseHeaderName,
    LimitRequestHeaders,
    LimitRequestLine,
    NoMoreData,
    ParseException,
    UnsupportedTransferCoding,
)

from api_gateway.errors import envelope
from chassis.exceptions import ServiceError
from chassis.request_id import accept_request_id

_MEANING: tuple[tuple[type[Exception], int, str, str], ...] = (
    (LimitRequestLine, 414, "gateway.target_too_long", "The request line is too long"),
    (LimitRequestHeaders, 431, "gateway.headers_too_large", "The request headers are too large"),
    (ExpectationFailed, 417, "gateway.expectation_failed", "The expectation cannot be met"),
    (
        UnsupportedTransferCoding,
        501,
        "gateway.unknown_transfer_coding",
        "The transfer coding is not known",
    ),
    (ParseException, 400, "gateway.malformed_request", "The request is not well-formed HTTP/1.1"),
)


def refusal_of(error: BaseException | None) -> bytes | None:
    """Return the whole response for an error of gunicorn's parser; for None: a defect of ours.

    An error that says nothing about the request gives None.
    """
    if error is None:
        return _response(ServiceError("Internal error"))
    if isinstance(error, InvalidResponseHeader | InvalidResponseHeaderName):
        return None  # Our own header, although gunicorn derives its error from that of a request.
    for kind, status, code, message in _MEANING:
        if isinstance(error, kind) and not isinstance(error, NoMoreData):
            refusal = ServiceError(message, code=code)
            refusal.status = status
            return _response(refusal)
    return None


def _response(error: ServiceError) -> bytes:
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
