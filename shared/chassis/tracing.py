"""The W3C trace context, carried through requests, events and tasks (W3C Trace Context level 1)."""

import random
import re
from contextvars import ContextVar

from flask import Flask, request

HEADER = "traceparent"
_FORMAT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_current: ContextVar[str | None] = ContextVar("traceparent", default=None)


class Traceparent(str):
    """The header's text. parent: the id of the caller's span, empty where a trace begins."""

    __slots__ = ("parent",)
    parent: str


def accept_traceparent(candidate: str | None) -> Traceparent:
    """Return a traceparent of our own span in the caller's trace, or of a new trace."""
    match = _FORMAT.fullmatch(candidate or "")
    # All-zero ids are invalid by section 2.2.2 of the specification.
    if match and set(match[1]) != {"0"} and set(match[2]) != {"0"}:
        trace_id, parent, flags = match[1], match[2], match[3]
    else:
        trace_id, parent, flags = f"{random.getrandbits(128) or 1:032x}", "", "01"
    own = Traceparent(f"00-{trace_id}-{random.getrandbits(64) or 1:016x}-{flags}")
    own.parent = parent
    return own


def current_traceparent() -> str | None:
    """Return the traceparent to pass on, if anything is being worked on."""
    return _current.get()


def set_traceparent(value: str | None) -> None:
    """Set the traceparent for the rest of this context; for entry points."""
    _current.set(value)


def init_app(app: Flask) -> None:
    """Join the caller's trace, or begin one, before every request."""

    @app.before_request
    def join() -> None:
        set_traceparent(accept_traceparent(request.headers.get(HEADER)))
