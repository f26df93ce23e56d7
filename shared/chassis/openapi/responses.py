"""Parts of responses that every service's document and the gateway's have in common."""

from collections.abc import Iterable, Mapping
from typing import Any

from chassis.openapi.refusals import Refusal

Doc = dict[str, Any]

SECURITY_SCHEME = "bearerAuth"
EXAMPLE_ID = "b19c41399534427e92580a884ccb2047"

RETRY_AFTER = {"description": "Seconds to wait", "schema": {"type": "integer", "minimum": 1}}
ETAG = {"description": "The state that was read, for If-Match", "schema": {"type": "string"}}
LOCATION = {"description": "Path of what was made", "schema": {"type": "string"}}
LINK = {"description": "first, prev, next and last page (RFC 8288)", "schema": {"type": "string"}}
_HEADERS: Mapping[int, Doc] = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}, "description": "Bearer"}},
    429: {"Retry-After": RETRY_AFTER},
    503: {"Retry-After": RETRY_AFTER},
}


def envelope_schema(data: Any) -> Doc:
    """Describe the success envelope around `data`, a JSON Schema or a marshmallow schema."""
    return {
        "type": "object",
        "required": ["success", "message", "data", "meta"],
        "properties": {
            "success": {"type": "boolean", "const": True},
            "message": {"type": "string", "examples": ["OK"]},
            "data": data,
            "meta": {"type": "object"},
        },
    }


def error_responses(found: Iterable[Refusal], schema: Any) -> dict[str, Doc]:
    """Return a response for each status, with an example for each code."""
    by_status: dict[int, list[Refusal]] = {}
    for refusal in dict.fromkeys(found):
        by_status.setdefault(refusal.status, []).append(refusal)
    return {str(status): _error(group, schema) for status, group in sorted(by_status.items())}


def _error(group: list[Refusal], schema: Any) -> Doc:
    # One example for each code; where a code is there twice, the more exact one came first.
    codes = {refusal.code: refusal.message for refusal in reversed(group)}
    examples = {
        code: {"summary": message, "value": error_example(code, message)}
        for code, message in sorted(codes.items())
    }
    response: Doc = {
        "description": "\n".join(f"- `{code}`: {text}" for code, text in sorted(codes.items())),
        "content": {"application/json": {"schema": schema, "examples": examples}},
    }
    if headers := _HEADERS.get(group[0].status):
        response["headers"] = dict(headers)
    return response


def error_example(code: str, message: str) -> Doc:
    """Return the error envelope of a code."""
    return {
        "success": False,
        "message": message,
        "code": code,
        "errors": [],
        "request_id": EXAMPLE_ID,
    }
