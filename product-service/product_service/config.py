"""Settings of product-service."""

from dataclasses import dataclass

from chassis.config import ServiceConfig, setting


@dataclass(frozen=True, kw_only=True)
class Config(ServiceConfig):
    """What this service reads from the environment besides the common settings."""

    reservation_ttl: int = setting(1200, "Seconds that stock stays reserved for an unpaid order")
    import_max_bytes: int = setting(20_971_520, "Largest CSV file that an import takes")
    import_stale_after: int = setting(
        60, "Seconds without progress after which an import is restarted"
    )
    listing_ttl: float = setting(
        1.0, "Seconds that a long list is remembered for customers; 0 turns it off"
    )
    product_ttl: float = setting(
        60.0, "Seconds that a product is remembered in Redis at most; 0 turns it off"
    )
