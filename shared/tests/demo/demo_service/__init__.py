"""The smallest service on the chassis: widgets with a name, a quantity and a price."""

from flask import Flask

from chassis.app import create_service
from chassis.config import ServiceConfig
from demo_service.models import db
from demo_service.routes import blp

HOOK = "demo.before_commit"


def create_app(config: ServiceConfig | None = None) -> Flask:
    """Build the demo service."""
    app = create_service(
        "demo", __name__, config or ServiceConfig.from_env(), db=db, blueprints=[blp]
    )
    # What tests put between the change and its commit: a barrier, a crash, another caller.
    app.extensions[HOOK] = lambda: None
    return app
