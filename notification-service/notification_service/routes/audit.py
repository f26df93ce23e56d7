from typing import Any

from chassis.auth import roles_required
from chassis.database import transaction
from chassis.routing import ApiBlueprint
from notification_service.schemas.audit import AuditSchema
from notification_service.services.audit import run_audit

blp = ApiBlueprint("audit", __name__, url_prefix="/api/notifications", description="Invariants")


@blp.route("/audit", methods=["GET"])
@roles_required("admin")
@blp.response(200, AuditSchema, message="Audit")
def get_audit() -> dict[str, Any]:
    """Check the invariants of all messages and count what waits."""
    with transaction() as session:
        return run_audit(session)
