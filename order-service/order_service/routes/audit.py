from typing import Any

from chassis.auth import roles_required
from chassis.database import transaction
from chassis.routing import ApiBlueprint
from order_service.schemas.audit import AuditSchema
from order_service.services.audit import audit_orders

blp = ApiBlueprint("audit", __name__, url_prefix="/api/orders", description="Invariants")


@blp.route("/audit", methods=["GET"])
@roles_required("admin")
@blp.response(200, AuditSchema, message="Audit")
def get_audit() -> dict[str, Any]:
    """Check the invariants of all orders and sum up units and money."""
    with transaction() as session:
        return audit_orders(session)
