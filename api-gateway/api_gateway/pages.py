"""The gateway's own pages; everything else on it is proxied."""

from typing import Any

from flask import Response, request
from prometheus_client import CONTENT_TYPE_LATEST
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from api_gateway.errors import MethodRefused, UnknownRoute, envelope
from api_gateway.gateway import Gateway
from api_gateway.health import Health
from api_gateway.middleware.origin import Networks
from chassis import __version__
from chassis.exceptions import ServiceError
from chassis.request_id import current_request_id
from chassis.response import json_bytes


class Pages:
    """The views, and what they look at. metrics_from: the networks that may read the numbers."""

    def __init__(self, app: Gateway, metrics_from: Networks) -> None:
        self._app = app
        self._metrics_from = metrics_from
        self._health = Health(app.upstreams)

    def init_app(self) -> None:
        """Add the views and answer Flask's own errors with the envelope."""
        app = self._app
        app.add_url_rule("/", view_func=self.index)
        app.add_url_rule("/health/live", view_func=self.live)
        app.add_url_rule("/health/ready", view_func=self.ready)
        app.add_url_rule("/health", view_func=self.health)
        app.add_url_rule("/metrics", view_func=self.metrics)
        app.register_error_handler(HTTPException, refuse)

    def index(self) -> Response:
        """Say what this is and where to go on."""
        services = {name: route.prefix for name, route in self._app.table.routes.items()}
        pages = {"docs": "/docs", "openapi": "/openapi.json", "health": "/health"}
        links = {**pages, "services": services}
        return _json({"name": "platform-gateway", "version": __version__, "links": links})

    def live(self) -> Response:
        """Say that this process answers; looks at nothing else."""
        return _json({"status": "ok", "service": "gateway"})

    def ready(self) -> Response:
        """Say that requests are taken, and by which route table."""
        return _json({"status": "ok", "service": "gateway", "routes": self._app.table.digest})

    def metrics(self) -> Response:
        """Return this process' numbers for Prometheus, to those who may read them."""
        if not self._metrics_from.contain(self._app.origins.of(request.environ).address):
            raise NotFound
        return Response(self._app.metrics.text(), content_type=CONTENT_TYPE_LATEST)

    def health(self) -> Response:
        """Say how every service is: 503 when a critical one is down."""
        report = self._health.report()
        status = report["status"]
        if status != "unhealthy":
            message = f"The platform is {status}"
            return _json({"success": True, "message": message, "data": report, "meta": {}})
        document = {
            "success": False,
            "message": "A critical service is down",
            "code": "gateway.unhealthy",
            "errors": [],
            "request_id": current_request_id(),
            "data": report,
        }
        return _json(document, 503)


def refuse(error: HTTPException) -> Response:
    """Turn an error of Flask's routing into the envelope."""
    if isinstance(error, NotFound):
        failure: ServiceError = UnknownRoute()
    elif isinstance(error, MethodNotAllowed):
        allow = ", ".join(sorted(error.valid_methods or ()))
        failure = MethodRefused("This page does not support the method", headers={"Allow": allow})
    else:
        failure = ServiceError(error.description)
        failure.status = error.code or 500
    body = envelope(failure, current_request_id() or "")
    return Response(body, failure.status, failure.headers, mimetype="application/json")


def _json(document: dict[str, Any], status: int = 200) -> Response:
    return Response(json_bytes(document), status, mimetype="application/json")
