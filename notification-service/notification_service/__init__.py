"""Messages to customers by SMS and e-mail: accepted, delivered at most once, and followed up."""

from flask import Flask

from chassis.app import create_service
from notification_service import events
from notification_service.config import Config
from notification_service.extensions import db
from notification_service.routes import BLUEPRINTS


def create_app(config: Config | None = None) -> Flask:
    """Build the app; config: read from the environment when left out."""
    return create_service(
        "notifications",
        __name__,
        config or Config.from_env(),
        db=db,
        blueprints=BLUEPRINTS,
        events=events,
        tasks="notification_service.tasks",
    )
