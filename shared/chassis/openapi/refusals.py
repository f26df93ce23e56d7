"""Which errors a view can answer, noted by whatever can raise them.

Decorators of the chassis note their own; a view adds those of its use case with
`ApiBlueprint.raises`. `operations` turns all of them into responses of the document.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from chassis.exceptions import (
    BadRequest,
    Conflict,
    Forbidden,
    NotFound,
    PayloadTooLarge,
    PreconditionFailed,
    PreconditionRequired,
    ServiceError,
    ServiceUnavailable,
    Unauthorized,
    Unprocessable,
    UnsupportedMediaType,
)

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True)
class Refusal:
    """One error as the document shows it."""

    status: int
    code: str
    message: str


def refusal(
    kind: type[ServiceError], code: str | None = None, message: str | None = None
) -> Refusal:
    """Describe an error class, with the code and message that one place gives it."""
    sentence = (kind.__doc__ or "Error").strip().split("\n")[0].rstrip(".")
    return Refusal(kind.status, code or kind.code, message or sentence)


def note(view: View, *found: Refusal, **facts: Any) -> View:
    """Add refusals and other facts to what a view's document says; returns the view.

    The view's description is copied, so that functions which wrap one another share nothing.
    """
    described = {**getattr(view, "_apidoc", {}), **facts}
    described["refusals"] = (*described.get("refusals", ()), *found)
    view._apidoc = described  # type: ignore[attr-defined]
    return view


def add_parameter(view: View, parameter: dict[str, Any]) -> View:
    """Add a header or query parameter to what a view's document says; returns the view."""
    manual = dict(getattr(view, "_apidoc", {}).get("manual_doc", {}))
    manual["parameters"] = [*manual.get("parameters", []), parameter]
    return note(view, manual_doc=manual)


ANY_REQUEST = (
    refusal(ServiceUnavailable, "database_unavailable", "The database is not available"),
    refusal(ServiceUnavailable, "database_busy", "The database is busy"),
)
CHANGE = (refusal(Conflict, message="The request conflicts with existing data"),)
PATH = (refusal(NotFound),)
# Some views read a body although they take none, to compare it with that of another request.
BODY_READ = (
    refusal(BadRequest, "malformed_json", "The body is not valid JSON"),
    refusal(BadRequest, "malformed_body", "The request body is framed wrongly or incomplete"),
    refusal(PayloadTooLarge),
    refusal(Unprocessable, message="The request is not valid"),
)
BODY = (
    *BODY_READ,
    refusal(UnsupportedMediaType, message="Send the body as application/json"),
)
ARGUMENTS = (refusal(Unprocessable, message="The request is not valid"),)
PAGES = (refusal(BadRequest, "pagination.bad_cursor", "The cursor is not one of this list"),)
BAD_TOKEN = (
    refusal(Unauthorized, "token_invalid", "The token is not valid"),
    refusal(Unauthorized, "token_expired", "The token has expired"),
    refusal(Unauthorized, "token_revoked", "The token was revoked"),
    refusal(
        ServiceUnavailable, "jwks_unavailable", "The keys to verify tokens with are not available"
    ),
)
LOGIN = (refusal(Unauthorized), *BAD_TOKEN)
ROLE = (*LOGIN, refusal(Forbidden, message="This needs another role"))
IF_MATCH = (
    refusal(BadRequest, "bad_if_match", "If-Match must be the one ETag that you read"),
    refusal(PreconditionFailed),
    refusal(PreconditionRequired),
)
