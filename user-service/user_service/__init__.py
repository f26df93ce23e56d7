"""user-service: accounts, roles, addresses, sessions, and the keys that sign access tokens."""

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from chassis.app import create_service
from user_service import bootstrap, events, wiring
from user_service.config import Config
from user_service.extensions import db
from user_service.routes import BLUEPRINTS
from user_service.services.access_tokens import configure_signing
from user_service.services.ports import build_ports


def create_app(config: Config | None = None) -> Flask:
    """Compose user-service; opens no connection."""
    config = config or Config.from_env()
    ports = build_ports(config)
    app = create_service(
        "users",
        __name__,
        config,
        db=db,
        blueprints=BLUEPRINTS,
        events=events,
        tasks="user_service.tasks",
        bootstrap=bootstrap.run,
        # Its own keys come from its own table: no request to itself.
        jwks=lambda: {"keys": ports.keyring.public_keys()},
    )
    # Our tokens travel in a header: a claim against forged cookies would only make them longer.
    app.config["JWT_COOKIE_CSRF_PROTECT"] = False
    wiring.init_app(app, ports)
    configure_signing(app.extensions["flask-jwt-extended"])
    # Only the address: the throttle counts clients, not the gateway that all of them come through.
    app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
        app.wsgi_app, x_for=config.proxy_hops, x_proto=0, x_host=0, x_port=0, x_prefix=0
    )
    return app
