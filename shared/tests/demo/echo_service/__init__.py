"""The smallest service with a worker: it hears its own events and its own tasks."""

from flask import Flask

from chassis.app import create_service
from chassis.config import ServiceConfig
from echo_service import events
from echo_service.models import db


def create_app(config: ServiceConfig | None = None) -> Flask:
    """Build the echo service."""
    return create_service(
        "echo",
        __name__,
        config or ServiceConfig.from_env(),
        db=db,
        blueprints=[],
        events=events,
        tasks="echo_service.tasks",
    )
