from typing import Any

from flask import current_app

from chassis.auth import roles_required
from chassis.database import transaction
from chassis.routing import ApiBlueprint
from payment_service.providers import current_provider
from payment_service.providers.port import Witness
from payment_service.schemas.audit import AuditSchema
from payment_service.services.audit import run_audit

blp = ApiBlueprint(
    "audit", __name__, url_prefix="/api/payments", description="Invariants of the service"
)


@blp.route("/audit", methods=["GET"])
@roles_required("admin")
@blp.response(200, AuditSchema, message="Audit")
def audit() -> dict[str, Any]:
    """Check the ledger against zero, the payments and the provider's own books."""
    provider = current_provider(current_app)
    with transaction() as session:
        found = provider.discrepancies(session) if isinstance(provider, Witness) else {}
        return run_audit(session, found)
