from typing import Any
from uuid import UUID

from chassis.auth import login_required, principal
from chassis.database import transaction
from chassis.idempotency import idempotent
from chassis.money import Money
from chassis.openapi.refusals import Refusal, refusal
from chassis.pagination import Page
from chassis.prefer import prefer_wait
from chassis.response import set_meta, success
from chassis.routing import ApiBlueprint
from order_service.models import Order
from order_service.models.errors import (
    CartEmpty,
    ForeignFilter,
    IllegalMove,
    OrderNotFound,
    QuantityTooLarge,
    TooManyLines,
)
from order_service.schemas.orders import (
    CancelSchema,
    ExpandedOrderSchema,
    OrderInSchema,
    OrderListQuery,
    OrderQuery,
    OrderSchema,
    OrderSummarySchema,
    split_names,
)
from order_service.services import fulfilment, orders
from order_service.services.expansion import expand_order

blp = ApiBlueprint("orders", __name__, url_prefix="/api/orders", description="Orders")

_FILTERS = ("status", "created_from", "created_to", "customer_id", "number")


def refused_to(move: str) -> Refusal:
    """Describe that the order's state does not allow a move."""
    return refusal(IllegalMove, f"orders.{move}_refused")


def _visible_to() -> UUID | None:
    """Return whose orders the caller may see: their own, or all (None) for staff."""
    return None if principal().is_staff else principal().user_id


def _order_request(body: dict[str, Any]) -> orders.OrderRequest:
    expected = body.get("expected_total")
    items = None if body["from_cart"] else body["items"]
    return orders.OrderRequest(
        customer_id=principal().user_id,
        items=items and [(item["product_id"], item["quantity"]) for item in items],
        expected_total=Money(**expected) if expected else None,
        shipping_address=body.get("shipping_address"),
        note=body.get("note"),
    )


@blp.route("", methods=["POST"])
@login_required
@prefer_wait(orders.find_settled_order, OrderSchema)
@idempotent()
@blp.arguments(OrderInSchema)
@blp.response(202, OrderSchema, message="Order accepted")
@blp.raises(CartEmpty, TooManyLines, QuantityTooLarge)
def post_order(body: dict[str, Any]) -> tuple[Order, int, dict[str, str]]:
    """Place an order from `items` or from the cart.

    Accepted at once; stock and prices are answered for later. `Prefer: wait=5` holds the answer
    until then. The cart, if the order comes from it, is emptied.
    """
    with transaction() as session:
        order = orders.place_order(session, _order_request(body))
    return order, 202, {"Location": f"/api/orders/{order.id}"}


@blp.route("", methods=["GET"])
@login_required
@blp.arguments(OrderListQuery, location="query")
@blp.response(200, OrderSummarySchema(many=True), message="Orders")
@blp.raises(ForeignFilter)
def get_orders(query: dict[str, Any]) -> Page[Order]:
    """List orders, newest first: your own, or for staff everybody's."""
    filters = {name: query[name] for name in _FILTERS if name in query}
    filters["status"] = split_names(filters.get("status", ""))
    wanted = orders.OrderFilter(**filters)
    with transaction() as session:
        return orders.list_orders(session, wanted, query, visible_to=_visible_to())


@blp.route("/<uuid:order_id>", methods=["GET"])
@login_required
@blp.arguments(OrderQuery, location="query")
@blp.response(200, ExpandedOrderSchema, message="Order")
@blp.raises(OrderNotFound)
def get_order(query: dict[str, Any], order_id: UUID) -> Any:
    """Show an order with its timeline.

    `expand=products,payment` adds what product- and payment-service know now: `product` in each
    item and `payment`. A part that cannot be had is null, and `meta.warnings` says why.
    """
    with transaction() as session:
        order = orders.find_order(session, order_id, visible_to=_visible_to())
    if not query["expand"]:
        return order
    # The calls run after the transaction: a slow service must not hold a database connection.
    expanded, warnings = expand_order(
        OrderSchema().dump(order), order, split_names(query["expand"])
    )
    set_meta(warnings=warnings)
    return success(expanded, "Order")


@blp.route("/<uuid:order_id>/cancel", methods=["POST"])
@login_required
@idempotent(required=False)
@blp.arguments(CancelSchema)
@blp.response(200, OrderSchema, message="Order cancelled")
@blp.raises(OrderNotFound, refused_to("cancel"))
def post_cancel(body: dict[str, Any], order_id: UUID) -> Order:
    """Cancel an order that has not been shipped; what was paid is refunded."""
    with transaction() as session:
        return fulfilment.cancel_order(session, order_id, visible_to=_visible_to(), **body)
