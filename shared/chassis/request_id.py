"""One id for everything that happens because of one request."""

import random
import re
from contextvars import ContextVar

from flask import Flask, Response, request

HEADER = "X-Request-ID"
_WELL_FORMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,127}")
_current: ContextVar[str | None] = ContextVar("request_id", default=None)


def accept_request_id(candidate: str | None) -> str:
    """Return `candidate` if it is well-formed (8 to 128 of `A-Za-z0-9._-`), else a new id.

    What a client sends ends up in logs and headers, so that anything else is replaced.
    """
    if candidate and _WELL_FORMED.fullmatch(candidate):
        return candidate
    return new_request_id()


def new_request_id() -> str:
    """Return 32 hexadecimal digits; nobody gains by guessing them, so that speed counts."""
    return f"{random.getrandbits(128):032x}"


def current_request_id() -> str | None:
    """Return the id of the request, event or task being worked on, if any."""
    return _current.get()


def set_request_id(request_id: str | None) -> None:
    """Set the id for the rest of this context; for entry points (requests, events, tasks)."""
    _current.set(request_id)


def init_app(app: Flask) -> None:
    """Take the id from the request and return it on every answer."""

    @app.before_request
    def adopt() -> None:
        set_request_id(accept_request_id(request.headers.get(HEADER)))

    @app.after_request
    def expose(response: Response) -> Response:
        response.headers[HEADER] = current_request_id() or new_request_id()
        return response
