"""The invariants of this service, for operators and for the replay's report."""

from typing import Any

from chassis.auth import roles_required
from chassis.database import transaction
from chassis.routing import ApiBlueprint
from user_service.schemas.audit import AuditSchema
from user_service.services.audit import audit_users

blueprint = ApiBlueprint("audit", __name__, url_prefix="/api/users/audit", description="Invariants")


@blueprint.route("", methods=["GET"])
@roles_required("admin")
@blueprint.response(200, AuditSchema)
def get_audit() -> dict[str, Any]:
    """Check the invariants over all rows."""
    with transaction() as session:
        return audit_users(session)
