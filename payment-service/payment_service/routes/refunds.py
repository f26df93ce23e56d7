from collections.abc import Sequence
from typing import Any
from uuid import UUID

from chassis.auth import login_required, roles_required
from chassis.database import transaction
from chassis.idempotency import idempotent
from chassis.routing import ApiBlueprint
from payment_service.models.errors import IllegalMove, PaymentNotFound, RefundExceedsCaptured
from payment_service.models.ledger import LedgerEntry
from payment_service.models.refunds import Refund
from payment_service.routes.payments import visible_to
from payment_service.schemas.refunds import LedgerEntrySchema, NewRefundSchema, RefundSchema
from payment_service.services import ledger, payments, refunds

blp = ApiBlueprint(
    "refunds", __name__, url_prefix="/api/payments", description="Giving money back, and the books"
)


@blp.route("/<uuid:payment_id>/refunds", methods=["POST"])
@roles_required("staff", "admin")
@idempotent()
@blp.arguments(NewRefundSchema)
@blp.response(202, RefundSchema, message="Refund accepted")
@blp.raises(PaymentNotFound, IllegalMove, RefundExceedsCaptured)
def refund_payment(body: dict[str, Any], payment_id: UUID) -> tuple[Refund, int, dict[str, str]]:
    """Give back part or all of a payment; never more than was captured."""
    with transaction() as session:
        refund = refunds.refund_payment(
            session, payment_id, amount=body["amount"], reason=body["reason"]
        )
        return refund, 202, {"Location": f"/api/payments/{payment_id}/refunds"}


@blp.route("/<uuid:payment_id>/refunds", methods=["GET"])
@login_required
@blp.response(200, RefundSchema(many=True))
@blp.raises(PaymentNotFound)
def list_refunds(payment_id: UUID) -> Sequence[Refund]:
    """List the refunds of a payment, oldest first."""
    with transaction() as session:
        payment = payments.get_payment(session, payment_id, owner=visible_to())
        return refunds.list_refunds(session, payment)


@blp.route("/<uuid:payment_id>/ledger", methods=["GET"])
@roles_required("staff", "admin")
@blp.response(200, LedgerEntrySchema(many=True))
@blp.raises(PaymentNotFound)
def list_ledger(payment_id: UUID) -> Sequence[LedgerEntry]:
    """List the double entries of a payment, oldest first; they sum to zero."""
    with transaction() as session:
        payments.get_payment(session, payment_id, owner=None)
        return ledger.list_entries(session, payment_id)
