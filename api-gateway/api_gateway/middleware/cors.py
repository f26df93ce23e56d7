"""Cross-origin calls from browsers (Fetch standard, section 3.2), decided at the edge alone."""

from api_gateway.call import Call, Environ, Fields, Reply
from api_gateway.errors import OriginDenied

_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
_EXPOSED = (
    "X-Request-ID, X-Response-Time, ETag, Link, Location, Retry-After, Idempotent-Replayed, "
    "RateLimit, RateLimit-Policy"
)
_MAX_AGE_SECONDS = "600"


class Cors:
    """The origins that may call, and the headers that say so. No cookies, so no credentials."""

    def __init__(self, origins: tuple[str, ...]) -> None:
        self._any = "*" in origins
        self._origins = frozenset(origin.rstrip("/") for origin in origins)

    def _allows(self, origin: str) -> bool:
        return self._any or origin in self._origins

    def preflight(self, call: Call) -> Reply | None:
        """Answer a preflight, before authentication, because browsers send it without a token.

        A plain OPTIONS gives None. Raises OriginDenied.
        """
        environ = call.environ
        origin = environ.get("HTTP_ORIGIN")
        if (
            call.method != "OPTIONS"
            or not origin
            or "HTTP_ACCESS_CONTROL_REQUEST_METHOD" not in environ
        ):
            return None
        if not self._allows(origin):
            raise OriginDenied
        fields = [
            ("Access-Control-Allow-Methods", _METHODS),
            ("Access-Control-Max-Age", _MAX_AGE_SECONDS),
        ]
        wanted = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS")
        if wanted:
            fields.append(("Access-Control-Allow-Headers", wanted))
        fields.append(("Vary", "Access-Control-Request-Headers"))
        return Reply("204 No Content", fields)

    def decorate(self, environ: Environ, fields: Fields) -> None:
        """Add our headers to the fields of an answer; those of a service are gone by then."""
        if not self._origins:
            return
        origin = environ.get("HTTP_ORIGIN")
        if origin and self._allows(origin):
            fields.append(("Access-Control-Allow-Origin", "*" if self._any else origin))
            fields.append(("Access-Control-Expose-Headers", _EXPOSED))
        if not self._any:
            # Also without an Origin: a cache must not hand this answer to a browser elsewhere.
            fields.append(("Vary", "Origin"))
