from order_service.models.carts import Cart, CartItem
from order_service.models.lines import OrderLine
from order_service.models.orders import Order
from order_service.models.payments import OrderPayment, Refund
from order_service.models.timeline import TimelineEntry

__all__ = ["Cart", "CartItem", "Order", "OrderLine", "OrderPayment", "Refund", "TimelineEntry"]
