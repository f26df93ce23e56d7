"""The invariants of the stock, for the admin."""

from typing import Any

from chassis.auth import roles_required
from chassis.database import transaction
from chassis.routing import ApiBlueprint
from product_service.schemas.audit import AuditSchema
from product_service.services.audit import audit_stock

blp = ApiBlueprint("audit", __name__, url_prefix="/api/products", description="Invariants")


@blp.route("/audit", methods=["GET"])
@roles_required("admin")
@blp.response(200, AuditSchema, message="Audit")
def audit() -> dict[str, Any]:
    """Check that stock, ledger and reservations agree, and return the totals."""
    with transaction() as session:
        return audit_stock(session)
