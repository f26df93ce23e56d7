"""Conditional requests on products, whose ETag has two parts."""

from flask import Response, request

from chassis.exceptions import BadRequest, PreconditionRequired
from chassis.response import envelope, json_bytes
from chassis.routing import needs_if_match

needs_edited_version = needs_if_match(r'^"[0-9]{1,18}(\.[0-9]{1,18})?"$')


def edited_version() -> int:
    """Return the version that the client has edited, from `If-Match`.

    The tag is `"<version>.<stock version>"` or the version alone. Only the version counts here: a
    sale between reading and writing is no reason to refuse a new description.
    Raises PreconditionRequired without the header (RFC 6585), BadRequest for a foreign ETag.
    """
    if not request.if_match:
        raise PreconditionRequired
    tags = request.if_match.as_set()
    version = (tags.pop() or "").partition(".")[0] if len(tags) == 1 else ""
    if not (version.isascii() and version.isdigit() and len(version) < 19):
        raise BadRequest("If-Match must be the one ETag that you read", code="bad_if_match")
    return int(version)


def tagged(
    data: object, tag: str, message: str, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """Answer with an ETag, or with 304 where the client has that state already."""
    return tagged_bytes(json_bytes(envelope(data, message)), tag, status, headers)


def tagged_bytes(
    body: bytes, tag: str, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """Do what `tagged` does with an envelope that is encoded already."""
    quoted = f'"{tag}"'
    # What staff sees has more members, so that a cache must not mix the two.
    common = {"ETag": quoted, "Vary": "Authorization", **(headers or {})}
    if request.method in ("GET", "HEAD") and _known(tag):
        return Response(status=304, headers=common)
    return Response(body, status, common, mimetype="application/json")


def _known(tag: str) -> bool:
    return "If-None-Match" in request.headers and request.if_none_match.contains_weak(tag)
