"""Errors with an HTTP meaning. Services subclass them with a `code` of their own.

This module knows neither Flask nor the database, so that models and use cases can raise what it
holds; `chassis.errors` turns them into the error envelope.
"""

from collections.abc import Mapping, Sequence
from typing import TypedDict


class FieldError(TypedDict):
    """One problem of one field; `field` is a dotted path such as `items.0.quantity`."""

    field: str
    message: str


class ServiceError(Exception):
    """An expected failure: `status` is its HTTP status, `code` its stable machine-readable name.

    message: a sentence for people, without secrets or personal data.
    errors: the fields at fault. headers: extra response headers.
    """

    status = 500
    code = "internal_error"
    retryable = False

    def __init__(
        self,
        message: str | None = None,
        *,
        code: str | None = None,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.message = message or (type(self).__doc__ or "Error").strip().split("\n")[0].rstrip(".")
        self.code = code or self.code
        self.errors = list(errors)
        self.headers = dict(headers or {})
        super().__init__(self.message)


class BadRequest(ServiceError):
    """The request could not be understood."""

    status = 400
    code = "bad_request"


class Unauthorized(ServiceError):
    """Authentication is required."""

    status = 401
    code = "unauthorized"

    def __init__(
        self,
        message: str | None = None,
        *,
        code: str | None = None,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        # RFC 9110 section 15.5.2: a 401 carries a challenge.
        challenge = {"WWW-Authenticate": "Bearer", **(headers or {})}
        super().__init__(message, code=code, errors=errors, headers=challenge)


class Forbidden(ServiceError):
    """The caller may not do this."""

    status = 403
    code = "forbidden"


class NotFound(ServiceError):
    """There is no such resource."""

    status = 404
    code = "not_found"


class MethodNotAllowed(ServiceError):
    """The resource does not support this method."""

    status = 405
    code = "method_not_allowed"


class Conflict(ServiceError):
    """The request conflicts with the current state."""

    status = 409
    code = "conflict"


class PreconditionFailed(ServiceError):
    """The resource was changed in the meantime."""

    status = 412
    code = "precondition_failed"


class PayloadTooLarge(ServiceError):
    """The request body is too large."""

    status = 413
    code = "payload_too_large"


class UnsupportedMediaType(ServiceError):
    """The request body has a content type that is not supported here."""

    status = 415
    code = "unsupported_media_type"


class Unprocessable(ServiceError):
    """The request is well-formed but not valid."""

    status = 422
    code = "validation_failed"


class PreconditionRequired(ServiceError):
    """The request must be conditional: send If-Match with the ETag that you read."""

    status = 428
    code = "precondition_required"


class RetryLater(ServiceError):
    """The request can be sent again later; `retry_after` says in how many seconds."""

    status = 503
    code = "retry_later"
    retryable = True

    def __init__(
        self,
        message: str | None = None,
        *,
        code: str | None = None,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        retry_after: int = 1,
    ) -> None:
        self.retry_after = max(1, retry_after)
        hint = {"Retry-After": str(self.retry_after), **(headers or {})}
        super().__init__(message, code=code, errors=errors, headers=hint)


class TooManyRequests(RetryLater):
    """Too many requests."""

    status = 429
    code = "too_many_requests"


class ServiceUnavailable(RetryLater):
    """A part that this request needs is not available right now."""

    status = 503
    code = "service_unavailable"


class BadGateway(ServiceError):
    """Another service gave an answer that could not be used."""

    status = 502
    code = "bad_gateway"
    retryable = True


class GatewayTimeout(ServiceError):
    """Another service did not answer in time."""

    status = 504
    code = "gateway_timeout"
    retryable = True
