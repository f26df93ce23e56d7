from typing import Any
from uuid import UUID

from chassis.auth import roles_required
from chassis.database import transaction
from chassis.idempotency import idempotent
from chassis.routing import ApiBlueprint
from order_service.models import Order, Refund
from order_service.models.errors import OrderNotFound, RefundExceedsPaid
from order_service.routes.orders import refused_to
from order_service.schemas.orders import OrderSchema, RefundInSchema, RefundSchema, ShipSchema
from order_service.services import fulfilment

blp = ApiBlueprint(
    "fulfilment", __name__, url_prefix="/api/orders", description="What staff does with orders"
)


@blp.route("/<uuid:order_id>/ship", methods=["POST"])
@roles_required("staff", "admin")
@idempotent(required=False)
@blp.arguments(ShipSchema)
@blp.response(200, OrderSchema, message="Order shipped")
@blp.raises(OrderNotFound, refused_to("ship"))
def post_ship(body: dict[str, Any], order_id: UUID) -> Order:
    """Note that a paid order has left the house."""
    with transaction() as session:
        return fulfilment.ship_order(session, order_id, **body)


@blp.route("/<uuid:order_id>/deliver", methods=["POST"])
@roles_required("staff", "admin")
@idempotent(required=False)
@blp.response(200, OrderSchema, message="Order delivered")
@blp.raises(OrderNotFound, refused_to("deliver"))
def post_deliver(order_id: UUID) -> Order:
    """Note that a shipped order has arrived."""
    with transaction() as session:
        return fulfilment.deliver_order(session, order_id)


@blp.route("/<uuid:order_id>/refunds", methods=["POST"])
@roles_required("staff", "admin")
@idempotent()
@blp.arguments(RefundInSchema)
@blp.response(202, RefundSchema, message="Refund requested")
@blp.raises(OrderNotFound, refused_to("refund"), RefundExceedsPaid)
def post_refund(body: dict[str, Any], order_id: UUID) -> tuple[Refund, int, dict[str, str]]:
    """Give part of what was paid for an order back, or all of it.

    Accepted at once; payment-service pays it back and reports. An order whose payment is given
    back in full becomes `refunded`.
    """
    with transaction() as session:
        refund = fulfilment.refund_order(session, order_id, **body)
    return refund, 202, {"Location": f"/api/orders/{order_id}"}
