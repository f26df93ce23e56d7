"""What the gateway knows of the request it is working on."""

from collections.abc import Set
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

from chassis.request_id import accept_request_id
from chassis.tracing import accept_traceparent

if TYPE_CHECKING:
    from api_gateway.middleware.auth import Caller
    from api_gateway.middleware.origin import Origin

Environ = dict[str, Any]
Fields = list[tuple[str, str]]


class Call:
    """One request on its way through: its identity, and what the log says of it at the end."""

    __slots__ = (
        "caller",
        "environ",
        "error",
        "method",
        "origin",
        "path",
        "quota",
        "request_id",
        "sent",
        "service",
        "started",
        "status",
        "traceparent",
    )

    def __init__(self, environ: Environ, origin: "Origin") -> None:
        self.environ = environ
        self.origin = origin
        self.method: str = environ["REQUEST_METHOD"]
        self.path = ""
        self.started = perf_counter()
        self.request_id = accept_request_id(environ.get("HTTP_X_REQUEST_ID"))
        self.traceparent = accept_traceparent(environ.get("HTTP_TRACEPARENT"))
        self.service = "gateway"
        self.caller: Caller | None = None
        self.quota: Fields = []
        self.status = 0
        self.sent = 0
        self.error: str | None = None

    @property
    def user(self) -> str | None:
        """The id of the user whose token was verified."""
        return None if self.caller is None else self.caller.user

    def elapsed_ms(self) -> float:
        """Return the milliseconds since the request was read."""
        return (perf_counter() - self.started) * 1000


@dataclass(slots=True)
class Reply:
    """An answer before it is written. body: blocks, with `close()` where it holds something.

    present: the lower-case names of its header lines that others look for.
    """

    status: str
    fields: Fields
    body: Any = ()
    present: Set[str] = frozenset()
