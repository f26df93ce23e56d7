"""Stock: adjustments, the ledger, and what orders have reserved; for staff."""

from typing import Any
from uuid import UUID

from chassis.auth import principal, roles_required
from chassis.database import transaction
from chassis.idempotency import idempotent
from chassis.pagination import Page, PageQuery, paginate
from chassis.routing import ApiBlueprint
from product_service.models import StockMovement
from product_service.models.stock import InsufficientStock
from product_service.schemas.stock import AdjustmentSchema, MovementSchema, ReservationSchema
from product_service.services import reservations, stock
from product_service.services.reservations import ReservationNotFound
from product_service.services.stock import ProductNotFound

blp = ApiBlueprint("stock", __name__, url_prefix="/api/products", description="Stock")


@blp.route("/<uuid:product_id>/stock/adjustments", methods=["POST"])
@roles_required("staff", "admin")
@idempotent()
@blp.arguments(AdjustmentSchema)
@blp.response(201, MovementSchema, message="Stock adjusted")
@blp.raises(ProductNotFound, InsufficientStock)
def adjust_stock(adjustment: dict[str, Any], product_id: UUID) -> StockMovement:
    """Add or take away units, with a reason."""
    with transaction() as session:
        return stock.adjust_stock(session, product_id, **adjustment, actor_id=principal().user_id)


@blp.route("/<uuid:product_id>/stock/movements", methods=["GET"])
@roles_required("staff", "admin")
@blp.arguments(PageQuery, location="query")
@blp.response(200, MovementSchema(many=True), message="Stock movements")
@blp.raises(ProductNotFound)
def list_movements(query: dict[str, Any], product_id: UUID) -> Page[StockMovement]:
    """List a product's stock ledger, newest first; its sum is what is on hand."""
    with transaction() as session:
        ledger = stock.select_movements(session, product_id)
        return paginate(session, ledger, query, sort=[(StockMovement.created_at, "desc")])


@blp.route("/reservations/<uuid:order_id>", methods=["GET"])
@roles_required("staff", "admin")
@blp.response(200, ReservationSchema, message="Reservation")
@blp.raises(ReservationNotFound)
def get_reservation(order_id: UUID) -> dict[str, Any]:
    """Return what an order holds or held."""
    with transaction() as session:
        return reservations.read_reservation(session, order_id)
