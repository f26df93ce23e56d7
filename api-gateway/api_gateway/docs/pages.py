"""The pages `/docs` and `/openapi.json` of the gateway."""

from functools import partial
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from typing import cast

from flask import Response, request, send_from_directory
from werkzeug.exceptions import NotFound

from api_gateway.docs.merge import Frame, merge
from api_gateway.docs.own_paths import gateway_refusals, own_part
from api_gateway.docs.part import BadDocument, Part, part_of
from api_gateway.docs.sources import Source, Sources
from api_gateway.gateway import Gateway
from chassis import __version__
from chassis.response import json_bytes

_OWN = Path(__file__).with_name("static")
_OWN_FILES = {"docs.js", "docs.css"}
_SWAGGER_FILES = {"swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png"}
# Swagger UI sets styles by script, which needs no permission; its icons are data: URLs in its CSS.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
_DESCRIPTION = """\
All services of the platform behind one door. `POST /api/users/login` gives an access token for
`Authorization: Bearer`; it lives 15 minutes.

Any request may also be answered with an error of the protocol, in the same envelope: 405 (another
method), 417 (expectation), 501 (transfer coding), 505 (version) or 508 (loop)."""


class Docs:
    """The merged document and the page that shows it."""

    def __init__(self, app: Gateway) -> None:
        self._app = app
        self._sources = Sources(app.upstreams)
        self._merged: tuple[object, bytes, str] | None = None
        spec = find_spec("flask_swagger_ui")
        if spec is None or spec.origin is None:
            raise RuntimeError("flask-swagger-ui, whose files /docs shows, is not installed")
        # Only its files are used: its page loads with inline scripts, which the policy forbids.
        self._swagger = Path(spec.origin).with_name("dist")

    def init_app(self) -> None:
        """Add the views."""
        app = self._app
        app.add_url_rule("/openapi.json", view_func=self.openapi)
        app.add_url_rule("/docs", view_func=self.page, strict_slashes=False)
        app.add_url_rule("/docs/", view_func=self.page)
        app.add_url_rule("/docs/<name>", view_func=self.file)

    def openapi(self) -> Response:
        """Serve the document of all services; one that is down is left out with a note."""
        sources = self._sources.read()
        table = self._app.table
        state = (id(table), {name: (one.etag, id(one.document)) for name, one in sources.items()},
                 [one.reason for one in sources.values()])  # fmt: skip
        if self._merged is None or self._merged[0] != state:
            body = json_bytes(self._merge(sources))
            self._merged = state, body, blake2b(body, digest_size=12).hexdigest()
        _, body, tag = self._merged
        response = Response(body, mimetype="application/json")
        response.set_etag(tag)
        return _revalidated(response)

    def page(self) -> Response:
        """Serve Swagger UI over that document."""
        response = send_from_directory(_OWN, "index.html")
        response.headers["Content-Security-Policy"] = _POLICY
        return _revalidated(response)

    def file(self, name: str) -> Response:
        """Serve a script or style of that page."""
        if name in _OWN_FILES:
            return _revalidated(send_from_directory(_OWN, name))
        if name in _SWAGGER_FILES:
            return _revalidated(send_from_directory(self._swagger, name))
        raise NotFound

    def _merge(self, sources: dict[str, Source]) -> dict[str, object]:
        parts: list[Part] = []
        unavailable: dict[str, str] = {}
        for name, source in sources.items():
            if source.document is None:
                unavailable[name] = source.reason
                continue
            try:
                parts.append(part_of(name, source.document, partial(self._belongs, name)))
            except BadDocument as error:
                unavailable[name] = f"its document cannot be used: {error}"
        frame = Frame(
            title="Platform",
            version=__version__,
            description=_DESCRIPTION,
            own=own_part(", ".join(sources)),
            refusals=gateway_refusals(),
            public=self._public,
        )
        return merge(frame, parts, unavailable)

    def _belongs(self, name: str, path: str) -> bool:
        route = self._app.table.match(path)
        return route is not None and route.name == name

    def _public(self, method: str, path: str) -> bool:
        route = self._app.table.match(path)
        return route is not None and route.public.cover(method, path)


def _revalidated(response: Response) -> Response:
    """Let caches keep the answer, and ask each time whether it is still good."""
    response.headers["Cache-Control"] = "no-cache"
    return cast(Response, response.make_conditional(request.environ))
