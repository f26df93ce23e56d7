"""The development inbox; its pages work behind the gateway, where the paths are the same."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

from flask import Response

from chassis.app import settings
from chassis.auth import public
from chassis.database import transaction
from chassis.exceptions import NotFound
from chassis.routing import ApiBlueprint
from notification_service.models import ShownMessage
from notification_service.models.errors import MessageNotFound
from notification_service.pages import html_response, page
from notification_service.schemas.inbox import InboxQuery, ShownSchema
from notification_service.services import inbox

P = ParamSpec("P")
R = TypeVar("R")

blp = ApiBlueprint(
    "inbox",
    __name__,
    url_prefix="/api/notifications/inbox",
    description="What was sent, outside production",
)

_PAGE = {"type": "string", "examples": ["<!doctype html>"]}
# A mail is somebody else's HTML: no scripts, no forms, no network, an origin of its own.
_MAIL_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'self'"
)


def outside_production(view: Callable[P, R]) -> Callable[P, R]:
    """Let the view not exist in production: the inbox shows codes to everybody."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        if settings().production:
            raise NotFound
        return view(*args, **kwargs)

    return guarded


@blp.route("/", methods=["GET"])
@public
@outside_production
@blp.arguments(InboxQuery, location="query")
@blp.response(200, _PAGE, content_type="text/html", message="Page")
@blp.raises(NotFound)
def show_inbox(query: dict[str, Any]) -> Response:
    """Show the newest messages; the page loads itself again every few seconds."""
    with transaction() as session:
        shown = session.scalars(inbox.select_shown(query["receiver"])).all()
    return page("inbox.html", messages=shown, receiver=query["receiver"] or "")


@blp.route("/messages.json", methods=["GET"])
@public
@outside_production
@blp.arguments(InboxQuery, location="query")
@blp.response(200, ShownSchema(many=True), message="Messages")
@blp.raises(NotFound)
def list_shown(query: dict[str, Any]) -> list[ShownMessage]:
    """List the newest messages with their texts, for tests and scripts."""
    with transaction() as session:
        return list(session.scalars(inbox.select_shown(query["receiver"])))


@blp.route("/<uuid:shown_id>", methods=["GET"])
@public
@outside_production
@blp.response(200, _PAGE, content_type="text/html", message="Page")
@blp.raises(NotFound, MessageNotFound)
def show_message(shown_id: UUID) -> Response:
    """Show one message: text, HTML in a sandboxed frame, headers."""
    with transaction() as session:
        return page("message.html", message=inbox.get_shown(session, shown_id))


@blp.route("/<uuid:shown_id>/html", methods=["GET"])
@public
@outside_production
@blp.response(200, _PAGE, content_type="text/html", message="Mail")
@blp.raises(NotFound, MessageNotFound)
def show_html(shown_id: UUID) -> Response:
    """Return the HTML of a mail, for the frame."""
    with transaction() as session:
        html = inbox.get_shown(session, shown_id).html
    return html_response(html or "", _MAIL_POLICY, frames="SAMEORIGIN")
