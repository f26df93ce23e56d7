"""order-service: carts, orders and their history, from placed to delivered."""

from flask import Flask

from chassis.app import create_service
from order_service import events
from order_service.config import Config
from order_service.extensions import db
from order_service.routes import audit, carts, fulfilment, orders


def create_app(config: Config | None = None) -> Flask:
    """Build order-service; without `config` from the environment."""
    return create_service(
        "orders",
        __name__,
        config or Config.from_env(),
        db=db,
        blueprints=[carts.blp, audit.blp, orders.blp, fulfilment.blp],
        events=events,
        tasks="order_service.tasks",
    )
