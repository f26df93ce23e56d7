from typing import Any

from chassis.auth import roles_required
from chassis.routing import ApiBlueprint
from notification_service.models.errors import (
    ChannelNotOffered,
    ParamsInvalid,
    TemplateNotFound,
)
from notification_service.models.receivers import Channel
from notification_service.schemas.templates import (
    PreviewInSchema,
    PreviewSchema,
    TemplateSchema,
)
from notification_service.services.preview import Preview, preview_template
from notification_service.templates.registry import Template
from notification_service.wiring import policy

_KEY = [{"in": "path", "name": "key", "example": "notice"}]

blp = ApiBlueprint(
    "templates", __name__, url_prefix="/api/notifications/templates", description="Templates"
)


@blp.route("/", methods=["GET"])
@roles_required("staff", "admin")
@blp.response(200, TemplateSchema(many=True), message="Templates")
def list_templates() -> list[Template]:
    """List what can be sent, and what stands in it."""
    return policy().registry.all()


@blp.route("/<string:key>", methods=["GET"], parameters=_KEY)
@roles_required("staff", "admin")
@blp.response(200, TemplateSchema, message="Template")
@blp.raises(TemplateNotFound)
def get_template(key: str) -> Template:
    """Show one template."""
    return policy().registry.get(key)


@blp.route("/<string:key>/preview", methods=["POST"], parameters=_KEY)
@roles_required("staff", "admin")
@blp.arguments(PreviewInSchema)
@blp.response(200, PreviewSchema, message="Preview")
@blp.raises(TemplateNotFound, ParamsInvalid, ChannelNotOffered)
def preview(body: dict[str, Any], key: str) -> Preview:
    """Write a template out and count its segments; nothing is sent."""
    return preview_template(policy(), key, Channel(body["channel"]), body["locale"], body["params"])
