"""The few pages that people look at in a browser."""

from typing import Any

import jinja2
from flask import Response

_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.PackageLoader("notification_service", "pages"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
# Pages of ours run no script and load nothing; a form may post to us.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)


def page(name: str, **values: Any) -> Response:
    """Return a page of this folder with its values in place."""
    html = _ENVIRONMENT.get_template(name).render(**values)
    return html_response(html, _POLICY)


def html_response(html: str, policy: str, frames: str = "DENY") -> Response:
    """Return HTML under a Content-Security-Policy; frames: who may show it in a frame."""
    headers = {
        "Content-Security-Policy": policy,
        "X-Frame-Options": frames,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }
    return Response(html, mimetype="text/html", headers=headers)
