"""One table from whatever goes wrong to the error envelope; no view catches exceptions."""

import logging
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, request
from gunicorn.http.errors import NoMoreData, ParseException
from sqlalchemy import exc, orm
from werkzeug.exceptions import HTTPException

from chassis.database import DEADLOCK_DETECTED, SERIALIZATION_FAILURE, sqlstate
from chassis.exceptions import (
    BadRequest,
    Conflict,
    MethodNotAllowed,
    NotFound,
    PayloadTooLarge,
    ServiceError,
    ServiceUnavailable,
    Unprocessable,
    UnsupportedMediaType,
)
from chassis.request_id import current_request_id
from chassis.response import json_bytes

logger = logging.getLogger(__name__)

_BY_STATUS: dict[int, type[ServiceError]] = {
    400: BadRequest,
    404: NotFound,
    405: MethodNotAllowed,
    413: PayloadTooLarge,
    415: UnsupportedMediaType,
    422: Unprocessable,
}
# PostgreSQL, appendix A. Class 23: integrity constraints. 55P03: lock not available,
# 57014: statement timeout, 57P01 to 57P03: the server is stopping or starting.
_MISSING_VALUE = "23502"
_BUSY = {
    SERIALIZATION_FAILURE,
    DEADLOCK_DETECTED,
    "55P03",
    "57014",
    "57P01",
    "57P02",
    "57P03",
    "53300",
    "53100",
}


def error_response(error: ServiceError) -> Response:
    """Build the error envelope of ARCHITECTURE section 6."""
    body = {
        "success": False,
        "message": error.message,
        "code": error.code,
        "errors": error.errors,
        "request_id": current_request_id(),
    }
    return Response(json_bytes(body), error.status, error.headers, mimetype="application/json")


def as_service_error(error: BaseException) -> ServiceError | None:
    """Return what `error` means to a client, or None for a defect of ours."""
    if isinstance(error, ServiceError):
        return error
    if isinstance(error, HTTPException):
        return _from_http(error)
    if isinstance(error, orm.exc.StaleDataError):
        return Conflict("The resource was changed at the same time; read it and try again")
    if isinstance(error, exc.TimeoutError):
        return ServiceUnavailable(
            "Too many requests are waiting for the database", code="database_busy"
        )
    if isinstance(error, exc.DBAPIError):
        return _from_database(error)
    if isinstance(error, ParseException | NoMoreData):
        # Where the body ends is unknown, so nothing more can be read from this connection.
        message = "The request body is framed wrongly or incomplete"
        return BadRequest(message, code="malformed_body", headers={"Connection": "close"})
    if isinstance(error, ValueError) and "NUL (0x00)" in str(error):
        # psycopg2's own refusal, which SQLAlchemy does not wrap; for text from outside JSON.
        return Unprocessable("Text holds a character that is not allowed")
    return None


def _from_http(error: HTTPException) -> ServiceError:
    status = error.code or 500
    kind = _BY_STATUS.get(status, ServiceError)
    # Werkzeug's own sentences are written for people with a browser.
    own_words = error.description != type(error).description and error.description
    result = kind(own_words or (None if kind is not ServiceError else HTTPStatus(status).phrase))
    result.status = status
    if kind is ServiceError:
        result.code = HTTPStatus(status).phrase.lower().replace(" ", "_")
    for name, value in error.get_headers():
        if name.lower() in ("allow", "retry-after", "location"):
            result.headers[name] = value
    return result


def _from_database(error: exc.DBAPIError) -> ServiceError | None:
    state = sqlstate(error)
    if state == _MISSING_VALUE:
        return Unprocessable("A required value is missing")
    if state.startswith("23"):
        return Conflict("The request conflicts with existing data", code="conflict")
    if state.startswith("22"):
        return Unprocessable("A value is out of range or malformed")
    if state in _BUSY:
        return ServiceUnavailable("The database is busy", code="database_busy")
    if error.connection_invalidated or (
        not state and isinstance(error, exc.OperationalError | exc.InterfaceError)
    ):
        return ServiceUnavailable(
            "The database is not available", code="database_unavailable", retry_after=2
        )
    return None


def init_app(app: Flask) -> None:
    """Answer every exception with the envelope."""

    @app.errorhandler(Exception)
    def handle(error: Exception) -> Any:
        known = as_service_error(error)
        if known is None:
            logger.exception(
                "unhandled error", extra={"method": request.method, "path": request.path}
            )
            known = ServiceError("Internal error")
        elif known.status >= 500:
            logger.warning(
                "request failed",
                extra={"code": known.code, "path": request.path, "cause": type(error).__name__},
            )
        return error_response(known)
