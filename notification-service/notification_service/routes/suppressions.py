from typing import Any
from uuid import UUID

from chassis.auth import roles_required
from chassis.database import transaction
from chassis.pagination import Page, paginate
from chassis.routing import ApiBlueprint
from notification_service.models import Suppression
from notification_service.models.errors import ReceiversInvalid, SuppressionNotFound
from notification_service.models.receivers import Channel
from notification_service.models.suppressions import Scope
from notification_service.schemas.suppressions import (
    SuppressionInSchema,
    SuppressionQuery,
    SuppressionSchema,
)
from notification_service.services import suppressions
from notification_service.services.addressees import read_receivers
from notification_service.wiring import policy

blp = ApiBlueprint(
    "suppressions",
    __name__,
    url_prefix="/api/notifications/suppressions",
    description="Receivers that get no messages",
)


@blp.route("/", methods=["GET"])
@roles_required("staff", "admin")
@blp.arguments(SuppressionQuery, location="query")
@blp.response(200, SuppressionSchema(many=True), message="Suppressions")
def list_suppressions(query: dict[str, Any]) -> Page[Suppression]:
    """List receivers that get no messages, newest first."""
    with transaction() as session:
        found = suppressions.select_suppressions(query.get("channel"), query.get("receiver"))
        return paginate(session, found, query, sort=[(Suppression.id, "desc")])


@blp.route("/", methods=["POST"])
@roles_required("staff", "admin")
@blp.arguments(SuppressionInSchema)
@blp.response(201, SuppressionSchema, message="Suppression added")
@blp.raises(ReceiversInvalid)
def add_suppression(body: dict[str, Any]) -> tuple[Suppression, int, dict[str, str]]:
    """Send no messages of a scope to a receiver any more."""
    channel = Channel(body["channel"])
    (addressee,) = read_receivers(policy(), channel, [body["receiver"]])
    with transaction() as session:
        scope = Scope(body["scope"])
        added = suppressions.suppress(session, channel, addressee.receiver, scope, "staff")
    return added, 201, {"Location": f"/api/notifications/suppressions/{added.id}"}


@blp.route("/<uuid:suppression_id>", methods=["DELETE"])
@roles_required("staff", "admin")
@blp.response(204, message="Suppression lifted")
@blp.raises(SuppressionNotFound)
def lift_suppression(suppression_id: UUID) -> None:
    """Let messages go to a receiver again."""
    with transaction() as session:
        suppressions.lift_suppression(session, suppression_id)
