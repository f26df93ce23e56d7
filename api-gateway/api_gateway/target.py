"""The request target: judged once, on the very bytes that are forwarded."""

import re
from typing import NamedTuple

from api_gateway.errors import BadTarget

# RFC 9112 section 3.2.2: a server accepts the absolute form and ignores Host then.
_ABSOLUTE = re.compile(r"https?://(?P<authority>[^/?#]*)(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
# A dot segment, raw or encoded, between slashes that may be encoded too: the service (or a proxy
# behind us) could resolve it to a path that was never judged here. `;` because some servers cut
# parameters off.
_DOT_SEGMENT = re.compile(r"(?:/|%2f)(?:\.|%2e){1,2}(?=/|%2f|;|\Z)", re.IGNORECASE)
# Controls, backslash and NUL, raw or encoded; a fragment never belongs into a target.
_REFUSED = re.compile(r"[\x00-\x20\x7f-\xff\\#]|%00|%5c", re.IGNORECASE)


class Target(NamedTuple):
    """What to forward: `path`, and `query` with its question mark or empty, both as they came.

    authority: of the absolute form, else None.
    """

    path: str
    query: str
    authority: str | None


def read_target(raw: str) -> Target:
    """Split a request target without changing a byte of it.

    Raises BadTarget for dot segments, backslashes, NUL and controls (RFC 3986 section 5.2.4: a path
    that keeps them has two readings) and for forms other than origin and absolute.
    """
    authority = None
    if not raw.startswith("/"):
        match = _ABSOLUTE.fullmatch(raw)
        if not match:
            raise BadTarget("The request target must be a path or an http URL")
        authority, raw = match["authority"], match["rest"]
        if not raw.startswith("/"):
            raw = "/" + raw
    path, mark, query = raw.partition("?")
    if _REFUSED.search(path):
        raise BadTarget("The path holds a character that is not allowed, raw or encoded")
    if ("." in path or "%" in path) and _DOT_SEGMENT.search(path):
        raise BadTarget("The path holds a dot segment, raw or encoded")
    return Target(path, mark + query, authority)
