"""Payments of orders: taken once, given back at most once, and every penny accounted for."""

from flask import Flask

from chassis.app import create_service
from payment_service import events
from payment_service.config import Config
from payment_service.extensions import db
from payment_service.providers.sandbox import tables as _sandbox_tables  # noqa: F401
from payment_service.routes import BLUEPRINTS


def create_app(config: Config | None = None) -> Flask:
    """Build the app; config: read from the environment when left out."""
    return create_service(
        "payments",
        __name__,
        config or Config.from_env(),
        db=db,
        blueprints=BLUEPRINTS,
        events=events,
        tasks="payment_service.tasks",
    )
