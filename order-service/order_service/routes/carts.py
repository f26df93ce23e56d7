from typing import Any
from uuid import UUID

from chassis.auth import login_required, principal
from chassis.database import transaction
from chassis.idempotency import idempotent
from chassis.routing import ApiBlueprint
from order_service.models import Cart
from order_service.models.errors import CartFull, NotInCart, QuantityTooLarge
from order_service.schemas.carts import CartItemInSchema, CartSchema, QuantitySchema
from order_service.services import carts

blp = ApiBlueprint(
    "carts", __name__, url_prefix="/api/orders/cart", description="What a customer means to order"
)


@blp.route("", methods=["GET"])
@login_required
@blp.response(200, CartSchema, message="Your cart")
def get_cart() -> Cart:
    """Show your cart."""
    with transaction() as session:
        return carts.find_cart(session, principal().user_id)


@blp.route("", methods=["DELETE"])
@login_required
@blp.response(200, CartSchema, message="Cart emptied")
def delete_cart() -> Cart:
    """Empty your cart."""
    with transaction() as session:
        return carts.clear_cart(session, principal().user_id)


@blp.route("/items", methods=["POST"])
@login_required
@idempotent(required=False)
@blp.arguments(CartItemInSchema)
@blp.response(200, CartSchema, message="Added to the cart")
@blp.raises(CartFull, QuantityTooLarge)
def post_cart_item(body: dict[str, Any]) -> Cart:
    """Add units of a product to your cart.

    They join those that are there; an Idempotency-Key keeps a repeated request from adding twice.
    """
    with transaction() as session:
        return carts.add_to_cart(session, principal().user_id, **body)


@blp.route("/items/<uuid:product_id>", methods=["PATCH"])
@login_required
@blp.arguments(QuantitySchema)
@blp.response(200, CartSchema, message="Cart changed")
@blp.raises(NotInCart)
def patch_cart_item(body: dict[str, Any], product_id: UUID) -> Cart:
    """Set the quantity of a product in your cart."""
    with transaction() as session:
        return carts.change_cart_item(session, principal().user_id, product_id, **body)


@blp.route("/items/<uuid:product_id>", methods=["DELETE"])
@login_required
@blp.response(200, CartSchema, message="Removed from the cart")
@blp.raises(NotInCart)
def delete_cart_item(product_id: UUID) -> Cart:
    """Remove a product from your cart."""
    with transaction() as session:
        return carts.remove_from_cart(session, principal().user_id, product_id)
