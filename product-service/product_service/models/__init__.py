"""Tables, state machines and invariants of the catalogue and its stock; no I/O, no Flask."""

from product_service.models.categories import Category, CategoryCycle
from product_service.models.imports import ImportJob, ImportStatus, import_errors
from product_service.models.products import Product, ProductStatus
from product_service.models.reservations import (
    Reservation,
    ReservationStatus,
    reservation_lines,
)
from product_service.models.stock import MovementKind, StockMovement, stock_levels

__all__ = [
    "Category",
    "CategoryCycle",
    "ImportJob",
    "ImportStatus",
    "MovementKind",
    "Product",
    "ProductStatus",
    "Reservation",
    "ReservationStatus",
    "StockMovement",
    "import_errors",
    "reservation_lines",
    "stock_levels",
]
