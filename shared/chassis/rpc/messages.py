"""The two messages of a call, as JSON: what is asked, and what comes back."""

import json
import time
from contextvars import ContextVar
from dataclasses import asdict, dataclass, fields
from typing import Any, NoReturn

from chassis import exceptions
from chassis.exceptions import RetryLater, ServiceError
from chassis.rpc import errors

# Raised when one side could misread the other; a worker says so to whoever speaks another one.
PROTOCOL = 1
# What is larger belongs into a table or a file whose id is sent.
MAX_BYTES = 256 * 1024
# The task that every service has: it lists those that others may call.
LIST_TASKS = "rpc.tasks"

_KINDS: dict[int, type[ServiceError]] = {
    kind.status: kind
    for kind in vars(exceptions).values()
    if isinstance(kind, type) and issubclass(kind, ServiceError)
}
_OWN: dict[str, type[ServiceError]] = {
    kind.code: kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, ServiceError) and kind.code.startswith("rpc.")
}

# Until when the caller of what is being worked on waits; calls made on the way end no later.
current_deadline: ContextVar[float | None] = ContextVar("rpc_deadline", default=None)


@dataclass(frozen=True, kw_only=True)
class Call:
    """What is asked of a service. deadline: seconds since the epoch, by the caller's clock.

    contract: the version of the task's signature that the caller knows, None for any.
    """

    id: str
    task: str
    args: list[Any]
    kwargs: dict[str, Any]
    deadline: float
    contract: int | None = None
    request_id: str | None = None
    traceparent: str | None = None
    protocol: int = PROTOCOL

    @property
    def expired(self) -> bool:
        """Tell whether nobody waits for the answer any more."""
        return time.time() >= self.deadline

    def encode(self) -> bytes:
        """Return the message; raises NotJson or TooLarge."""
        return to_json(asdict(self), f"The arguments of {self.task}")

    @classmethod
    def decode(cls, body: bytes) -> "Call":
        """Parse a message; raises ValueError for anything that `encode` does not write.

        Members that a newer caller adds are left out, so that it can be understood.
        """
        document = json.loads(body)
        if not isinstance(document, dict):
            raise ValueError("not an object")
        known = {spec.name: document[spec.name] for spec in fields(cls) if spec.name in document}
        try:
            call = cls(**known)
        except TypeError as error:
            raise ValueError("a member is missing") from error
        kinds = (str, str, list, dict, int | float)
        if not all(
            map(isinstance, (call.id, call.task, call.args, call.kwargs, call.deadline), kinds)
        ):
            raise ValueError("a member is of the wrong type")
        return call


def to_json(value: Any, what: str) -> bytes:
    """Encode exactly what JSON can hold; `what` begins the message of NotJson or TooLarge."""
    try:
        body = json.dumps(value, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise errors.NotJson(f"{what} cannot be sent as JSON: {error}"[:300]) from error
    if len(body) > MAX_BYTES:
        raise errors.TooLarge(f"{what} are too large to be sent: {len(body)} of {MAX_BYTES} bytes")
    return body


def result_reply(result: Any, task: str) -> bytes:
    """Return the message that brings a result; raises NotJson or TooLarge."""
    return to_json({"protocol": PROTOCOL, "result": result}, f"The results of {task}")


def error_reply(error: ServiceError) -> bytes:
    """Return the message that brings an error as clients of the service would see it."""
    told = {
        "status": error.status,
        "code": error.code,
        "message": error.message,
        "errors": error.errors,
        "retry_after": error.retry_after if isinstance(error, RetryLater) else None,
    }
    return json.dumps({"protocol": PROTOCOL, "error": told}, default=str).encode()


def read_reply(body: bytes, task: str) -> Any:
    """Return the result that a reply brings; raises the ServiceError that it brings instead."""
    try:
        document = json.loads(body)
        told = document.get("error")
        if told is None:
            return document["result"]
    except (ValueError, AttributeError, KeyError) as error:
        raise errors.VersionMismatch(f"The answer of {task} cannot be understood") from error
    _raise(told)


def _raise(told: dict[str, Any]) -> NoReturn:
    code, status = str(told["code"]), int(told["status"])
    kind = _OWN.get(code) or _KINDS.get(status, ServiceError)
    details: dict[str, Any] = {"code": code, "errors": told.get("errors") or []}
    if issubclass(kind, RetryLater):
        details["retry_after"] = int(told.get("retry_after") or 1)
    error = kind(str(told["message"]), **details)
    error.status = status
    raise error
