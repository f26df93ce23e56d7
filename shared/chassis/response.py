"""The success envelope: `{"success": true, "message": ..., "data": ..., "meta": {...}}`."""

from typing import Any

import orjson
from flask import Response, g


def set_meta(**members: Any) -> None:
    """Add members to the `meta` of this request's answer, such as `warnings=[...]`."""
    g.setdefault("meta", {}).update(members)


def envelope(data: Any, message: str = "OK") -> dict[str, Any]:
    """Wrap `data`; `meta` is what `set_meta` was given in this request."""
    return {"success": True, "message": message, "data": data, "meta": g.get("meta", {})}


def json_bytes(document: Any) -> bytes:
    """Encode as JSON: UUIDs as text, datetimes as RFC 3339 in UTC."""
    return orjson.dumps(document, default=str, option=orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC)


def success(
    data: Any, message: str = "OK", status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """Build a ready success response, for views that bypass their schema."""
    return Response(
        json_bytes(envelope(data, message)), status, headers, mimetype="application/json"
    )
