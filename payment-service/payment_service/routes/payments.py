from typing import Any
from uuid import UUID

from chassis.auth import login_required, principal, roles_required
from chassis.database import transaction
from chassis.idempotency import idempotent
from chassis.pagination import Page, paginate
from chassis.prefer import prefer_wait
from chassis.routing import ApiBlueprint
from payment_service.models.errors import (
    CaptureExceedsAuthorized,
    IllegalMove,
    OrderNotPayable,
    PaymentExists,
    PaymentNotFound,
)
from payment_service.models.payments import CaptureMethod, Payment
from payment_service.schemas.payments import (
    CaptureSchema,
    NewPaymentSchema,
    NoBodySchema,
    PaymentQuery,
    PaymentSchema,
)
from payment_service.services import confirmations, payments
from payment_service.services.payments import NewPayment, settled_payment

blp = ApiBlueprint(
    "payments", __name__, url_prefix="/api/payments", description="Paying for orders"
)

Accepted = tuple[Payment, int, dict[str, str]]


def accepted(payment: Payment) -> Accepted:
    """Answer that the payment is worked on, and where to look."""
    return payment, 202, {"Location": f"/api/payments/{payment.id}"}


def visible_to() -> UUID | None:
    """Return whose payments the caller may see: their own, or None for everybody's."""
    return None if principal().is_staff else principal().user_id


@blp.route("/", methods=["POST"])
@login_required
@prefer_wait(settled_payment, PaymentSchema)
@idempotent()
@blp.arguments(NewPaymentSchema)
@blp.response(202, PaymentSchema, message="Payment accepted")
@blp.raises(OrderNotPayable, PaymentExists)
def create_payment(body: dict[str, Any]) -> Accepted:
    """Pay for an order.

    The amount is the order's. Answers 202 while the provider is asked; send `Prefer: wait=5` to
    hold the answer until the payment is settled. An order placed a moment ago may not be payable
    yet (409 `payments.order_not_payable`): try again shortly.
    """
    with transaction() as session:
        request = NewPayment(
            order_id=body["order_id"],
            customer_id=principal().user_id,
            source=body["source"],
            capture_method=CaptureMethod(body["capture_method"]),
        )
        return accepted(payments.create_payment(session, request))


@blp.route("/", methods=["GET"])
@login_required
@blp.arguments(PaymentQuery, location="query")
@blp.response(200, PaymentSchema(many=True))
def list_payments(query: dict[str, Any]) -> Page[Payment]:
    """List payments, newest first: one's own, or everybody's for staff."""
    with transaction() as session:
        wanted = payments.select_payments(
            owner=visible_to(), order_id=query.get("order_id"), status=query.get("status")
        )
        return paginate(session, wanted, query, sort=[(Payment.id, "desc")])


@blp.route("/<uuid:payment_id>", methods=["GET"])
@login_required
@blp.response(200, PaymentSchema, etag=True)
@blp.raises(PaymentNotFound)
def get_payment(payment_id: UUID) -> Payment:
    """Show a payment with its attempts."""
    with transaction() as session:
        return payments.get_payment(session, payment_id, owner=visible_to())


@blp.route("/<uuid:payment_id>/confirm", methods=["POST"])
@login_required
@prefer_wait(settled_payment, PaymentSchema)
@idempotent(required=False)
@blp.arguments(NoBodySchema)
@blp.response(202, PaymentSchema, message="Confirmation accepted")
@blp.raises(PaymentNotFound, IllegalMove)
def confirm_payment(body: dict[str, Any], payment_id: UUID) -> Accepted:
    """Go on after the customer has acted at the provider; without effect the second time."""
    with transaction() as session:
        return accepted(confirmations.confirm_payment(session, payment_id, owner=visible_to()))


@blp.route("/<uuid:payment_id>/capture", methods=["POST"])
@roles_required("staff", "admin")
@prefer_wait(settled_payment, PaymentSchema)
@idempotent(required=False)
@blp.arguments(CaptureSchema)
@blp.response(202, PaymentSchema, message="Capture accepted")
@blp.raises(PaymentNotFound, IllegalMove, CaptureExceedsAuthorized)
def capture_payment(body: dict[str, Any], payment_id: UUID) -> Accepted:
    """Take an authorized amount, or part of it; the rest is released."""
    with transaction() as session:
        return accepted(payments.capture_payment(session, payment_id, body["amount"]))


@blp.route("/<uuid:payment_id>/cancel", methods=["POST"])
@login_required
@prefer_wait(settled_payment, PaymentSchema)
@idempotent(required=False)
@blp.arguments(NoBodySchema)
@blp.response(202, PaymentSchema, message="Cancellation accepted")
@blp.raises(PaymentNotFound, IllegalMove)
def cancel_payment(body: dict[str, Any], payment_id: UUID) -> Accepted:
    """Cancel a payment that took no money yet; an authorization is released."""
    with transaction() as session:
        return accepted(payments.cancel_payment(session, payment_id, owner=visible_to()))
