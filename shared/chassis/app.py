"""The composition of a service: every extension in one order, with the reason for the order."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any

from flask import Flask, Request, current_app, request
from flask.typing import ResponseReturnValue
from flask_cors import CORS
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy

from chassis import (
    __version__,
    auth,
    database,
    denylist,
    errors,
    health,
    logging,
    metrics,
    request_id,
    tracing,
)
from chassis.auth import public
from chassis.config import ServiceConfig
from chassis.database import retry_conflicts
from chassis.exceptions import NotFound, PayloadTooLarge
from chassis.openapi.document import DocumentedApi
from chassis.openapi.responses import SECURITY_SCHEME
from chassis.routing import ApiBlueprint
from chassis.strict_json import StrictJSONProvider
from chassis.tokens import Jwks, KeySet, fetch_jwks

PARTS = "platform"
EXPOSED_HEADERS = ["X-Request-ID", "ETag", "Link", "Location"]


@dataclass(frozen=True)
class ServiceParts:
    """What the worker and the command line need to know of a service.

    events: its module with PUBLISHES, CONSUMES and UNCONSUMED. tasks: the dotted name of its Celery
    tasks, imported by the worker only, because a web process has no use for Celery's 20 MB.
    bootstrap: run after the migrations, for instance to make the first admin.
    """

    name: str
    package: str
    config: ServiceConfig
    db: SQLAlchemy
    events: ModuleType | None
    tasks: str | None
    bootstrap: Callable[[], None] | None


class ServiceRequest(Request):
    """Flask's request, without its silent end of a body that is too long."""

    def get_data(self, *args: Any, **kwargs: Any) -> Any:
        """Return the body; raises PayloadTooLarge at the limit, also where no length was given."""
        data = super().get_data(*args, **kwargs)
        limit = self.max_content_length
        # Werkzeug cuts a chunked body off at the limit without a word (LimitedStream.readall).
        if self.content_length is None and limit is not None and len(data) >= limit:
            raise PayloadTooLarge
        return data


class Service(Flask):
    """Flask, with strict JSON and requests that survive a deadlock."""

    json_provider_class = StrictJSONProvider
    request_class = ServiceRequest

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return `func`: no view or hook of ours is a coroutine function.

        Flask asks that anew for each of some eleven hooks and layers: 25 µs of every request.
        """
        return func

    def dispatch_request(self) -> ResponseReturnValue:
        if "\x00" in request.path:
            # Nothing in Postgres has such a name, and psycopg2 raises a bare ValueError for it.
            raise NotFound
        # The loser of a deadlock has been rolled back whole, and a view opens its own transaction.
        return retry_conflicts(super().dispatch_request)


def create_service(
    name: str,
    import_name: str,
    config: ServiceConfig,
    *,
    db: SQLAlchemy,
    blueprints: Sequence[ApiBlueprint],
    events: ModuleType | None = None,
    tasks: str | None = None,
    bootstrap: Callable[[], None] | None = None,
    jwks: Callable[[], Jwks] | None = None,
) -> Flask:
    """Build the app of a service; opens no connection.

    name: its public name, such as `orders`. jwks: where the public keys come from, when not from
    user-service over HTTP.
    """
    # Logging first, so that whatever fails below is logged as everything else.
    logging.configure(name, config.log_level, config.log_format, logging.file_of(config))
    app = Service(import_name, static_folder=None)
    app.config.update(
        SETTINGS=config,
        TESTING=config.platform_env == "testing",
        MAX_CONTENT_LENGTH=config.max_body_bytes,
        PROPAGATE_EXCEPTIONS=False,
        **_openapi(name, import_name),
    )
    app.extensions[PARTS] = ServiceParts(name, import_name, config, db, events, tasks, bootstrap)
    # Ids before the request log, which prints them; both before anything that can refuse a request.
    request_id.init_app(app)
    tracing.init_app(app)
    logging.init_app(app)
    metrics.init_app(app, name)
    errors.init_app(app)
    # CORS before authentication: a refusal without its headers is unreadable to a browser.
    # Behind the gateway, which answers for it, no origin is configured and no request pays for it.
    if config.cors_origins:
        CORS(app, origins=list(config.cors_origins), expose_headers=EXPOSED_HEADERS)
    database.init_app(app, db, config)
    Migrate(app, db)
    denylist.init_app(app, config.redis_url)
    auth.init_app(app, config, KeySet(jwks or fetch_jwks(config.effective_jwks_url)))
    health.init_app(app, name)
    _register(app, blueprints)
    return app


def _openapi(name: str, import_name: str) -> dict[str, Any]:
    scheme = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    return {
        "API_TITLE": f"{name} service",
        "API_VERSION": __version__,
        "OPENAPI_VERSION": "3.1.0",
        "OPENAPI_URL_PREFIX": f"/api/{name}",
        "OPENAPI_JSON_PATH": "openapi.json",
        "API_SPEC_OPTIONS": {
            "info": {"description": (sys.modules[import_name].__doc__ or name).strip()},
            "servers": [{"url": "/"}],
            "components": {"securitySchemes": {SECURITY_SCHEME: scheme}},
        },
    }


def _register(app: Flask, blueprints: Sequence[ApiBlueprint]) -> None:
    api = DocumentedApi(app)
    for blueprint in blueprints:
        api.register_blueprint(blueprint)
    for endpoint, view in app.view_functions.items():
        if endpoint.startswith("api-docs.") or endpoint == "metrics":
            # Not ours to decorate where they are written; a method takes no attribute itself.
            open_view: Any = public(partial(view))
            app.view_functions[endpoint] = open_view


def parts() -> ServiceParts:
    """Return the parts of the current service."""
    found: ServiceParts = current_app.extensions[PARTS]
    return found


def settings() -> Any:
    """Return the frozen settings of the current service."""
    return current_app.config["SETTINGS"]
