"""product-service: categories, products, stock and reservations."""

from flask import Flask

from chassis import cache
from chassis.app import create_service
from product_service import events
from product_service.config import Config
from product_service.extensions import db
from product_service.routes import blueprints
from product_service.services.hot_reads import SHAPE
from product_service.services.product_cache import PRODUCT_CACHE
from product_service.services.recent import Recent


def create_app(config: Config | None = None) -> Flask:
    """Return the app of this service; the environment configures it unless `config` is given."""
    config = config or Config.from_env()
    app = create_service(
        "products",
        __name__,
        config,
        db=db,
        blueprints=blueprints,
        events=events,
        tasks="product_service.tasks",
    )
    for memory in ("product_service.totals", "product_service.pages"):
        app.extensions[memory] = Recent(config.listing_ttl)
    url, ttl = config.effective_cache_url, config.product_ttl
    cache.add(app, PRODUCT_CACHE, version=SHAPE, ttl=ttl, url=url)
    return app
