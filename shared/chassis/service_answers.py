"""Another service's answer, turned back into the data or the exception that it was made from."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from chassis.exceptions import (
    BadGateway,
    FieldError,
    GatewayTimeout,
    RetryLater,
    ServiceError,
    ServiceUnavailable,
)

_MAX_RETRY_AFTER_SECONDS = 3600


def _subclasses(kind: type[ServiceError]) -> Iterator[type[ServiceError]]:
    for subclass in kind.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)


# Only the chassis' own classes: a service's domain errors share their statuses.
_BY_STATUS = {
    kind.status: kind
    for kind in _subclasses(ServiceError)
    if kind.__module__ == ServiceError.__module__ and kind.status < 500
}


def data_of(name: str, status: int, headers: Mapping[str, str], body: bytes) -> Any:
    """Return the `data` of an answer of service `name`; None where it has no body.

    Raises the ServiceError of its error envelope, BadGateway where it is not the envelope at all.
    """
    if 200 <= status < 300 and not body:
        return None
    try:
        document = orjson.loads(body)
    except ValueError:
        document = None
    if not 200 <= status < 300:
        raise _error_of(name, status, headers, document)
    if not isinstance(document, dict) or "data" not in document:
        raise BadGateway(f"{name} gave an answer that is not the envelope")
    return document["data"]


def _error_of(name: str, status: int, headers: Mapping[str, str], document: object) -> ServiceError:
    # A 4xx envelope keeps class, code, message and fields; 503 and 504 stay what they are; the
    # rest, an internal error or an answer that is not the envelope, is a BadGateway to our caller.
    envelope = document if isinstance(document, dict) and "code" in document else None
    if status == 503:
        message = f"{name} is not available"
        return ServiceUnavailable(message, retry_after=_retry_after(headers))
    if status == 504:
        return GatewayTimeout(f"{name} did not answer in time")
    if envelope is None or status not in _BY_STATUS:
        return BadGateway(f"{name} answered {status}")
    kind = _BY_STATUS[status]
    details: dict[str, Any] = {"code": str(envelope["code"]), "errors": _fields(envelope)}
    if issubclass(kind, RetryLater):
        details["retry_after"] = _retry_after(headers)
    return kind(str(envelope.get("message", "")), **details)


def _fields(envelope: Mapping[str, Any]) -> list[FieldError]:
    errors = envelope.get("errors")
    return [
        {"field": str(entry.get("field", "")), "message": str(entry.get("message", ""))}
        for entry in (errors if isinstance(errors, list) else [])
        if isinstance(entry, dict)
    ]


def _retry_after(headers: Mapping[str, str]) -> int:
    text = headers.get("Retry-After", "")
    seconds = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 1
    return min(seconds, _MAX_RETRY_AFTER_SECONDS)
