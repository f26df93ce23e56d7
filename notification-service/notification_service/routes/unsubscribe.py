from flask import Response

from chassis.auth import public
from chassis.database import transaction
from chassis.routing import ApiBlueprint
from notification_service.models.errors import LinkInvalid
from notification_service.models.receivers import masked
from notification_service.pages import page
from notification_service.services import suppressions
from notification_service.wiring import policy

_LINK = [{"in": "path", "name": "link", "example": "bWVpQGV4YW1wbGUuY29t.c2lnbmF0dXJl"}]

blp = ApiBlueprint(
    "unsubscribe",
    __name__,
    url_prefix="/api/notifications/unsubscribe",
    description="Being spared marketing",
)

_PAGE = {"type": "string", "examples": ["<!doctype html>"]}


@blp.route("/<string:link>", methods=["GET"], parameters=_LINK)
@public
@blp.response(200, _PAGE, content_type="text/html", message="Page with a button")
@blp.raises(LinkInvalid)
def ask(link: str) -> Response:
    """Ask whether to be spared marketing; changes nothing, because scanners follow links."""
    _, receiver = suppressions.read_link(policy(), link)
    return page("unsubscribe.html", receiver=masked(receiver), shop=policy().shop, done=False)


@blp.route("/<string:link>", methods=["POST"], parameters=_LINK)
@public
@blp.response(200, _PAGE, content_type="text/html", message="Unsubscribed")
@blp.raises(LinkInvalid)
def unsubscribe(link: str) -> Response:
    """Spare the owner of the link marketing: by the page's button, or in one click (RFC 8058)."""
    _, receiver = suppressions.read_link(policy(), link)
    with transaction() as session:
        suppressions.unsubscribe(session, policy(), link)
    return page("unsubscribe.html", receiver=masked(receiver), shop=policy().shop, done=True)
