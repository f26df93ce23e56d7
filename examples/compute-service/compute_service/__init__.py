"""Sums, differences, products and quotients, worked out in the background and told by mail."""

from flask import Flask

from chassis.app import create_service
from compute_service.config import Config
from compute_service.extensions import db
from compute_service.routes import BLUEPRINTS


def create_app(config: Config | None = None) -> Flask:
    """Build the app; config: read from the environment when left out."""
    return create_service(
        "compute",
        __name__,
        config or Config.from_env(),
        db=db,
        blueprints=BLUEPRINTS,
        tasks="compute_service.tasks",
    )
