"""Payments of orders: taken once, given back at most once, and every penny accounted for."""

from flask import Flask

from chassis.app import create_service
from payment_service import events
from payment_service.config import Config
from payment_service.extensions import db
from payment_service.providers import warn_of_sandbox
from payment_service.providers.sandbox import tables as _sandbox_tables  # noqa: F401
from payment_service.routes import BLUEPRINTS


def create_app(config: Config | None = None) -> Flask:
    """Build the app; config: read from the environment when left out."""
    config = config or Config.from_env()
    app = create_service(
        "payments",
        __name__,
        config,
        db=db,
        blueprints=BLUEPRINTS,
        events=events,
        tasks="payment_service.tasks",
    )
    # Not earlier: logging is set up now.
    warn_of_sandbox(config)
    return app
