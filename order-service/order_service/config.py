from dataclasses import dataclass

from chassis.config import ServiceConfig, setting


@dataclass(frozen=True, kw_only=True)
class Config(ServiceConfig):
    """Settings of order-service beside those that every service has."""

    order_payment_ttl: int = setting(
        900, "Seconds that a customer has to pay, counted from the moment the stock is reserved"
    )
    order_pending_ttl: int = setting(
        86_400, "Seconds after which an order is given up when product-service never answers"
    )
    cart_max_lines: int = setting(200, "Different products that fit into one cart")
