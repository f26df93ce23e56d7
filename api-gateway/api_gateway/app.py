"""The composition of the gateway: every part in one place."""

import os
from collections.abc import Callable

from api_gateway.config import Config
from api_gateway.gateway import Gateway
from api_gateway.health import Prober
from api_gateway.middleware.access_log import AccessLog
from api_gateway.middleware.auth import JWKS_PATH, TokenCheck, jwks_of
from api_gateway.middleware.cors import Cors
from api_gateway.pages import Pages
from api_gateway.route_file import load_routes
from api_gateway.routes import RouteTable
from api_gateway.upstreams.upstream import Upstream
from chassis import logging
from chassis.config import ConfigError
from chassis.tokens import Jwks, KeySet, fetch_jwks


def create_app(config: Config | None = None, table: RouteTable | None = None) -> Gateway:
    """Build the gateway; opens no connection.

    config, table: read from the environment where they are not given; raises ConfigError.
    """
    config = config or Config.from_env()
    logging.configure("gateway", config.log_level, config.log_format)
    app = Gateway(__name__, static_folder=None)
    app.table = table or load_routes(config.gateway_routes, os.environ)
    app.upstreams = {name: Upstream(route) for name, route in app.table.routes.items()}
    app.max_body_bytes = config.max_body_bytes
    app.cors = Cors(config.cors_origins)
    app.access_log = AccessLog(config.log_level, config.log_format)
    app.tokens = TokenCheck(
        KeySet(_jwks(config, app)), issuer=config.jwt_issuer, audience=config.jwt_audience
    )
    Pages(app.table, Prober(app.upstreams)).init_app(app)
    return app


def _jwks(config: Config, app: Gateway) -> Callable[[], Jwks]:
    if config.jwks_url:
        return fetch_jwks(config.jwks_url)
    route = app.table.match(JWKS_PATH)
    if route is None:
        raise ConfigError([f"JWKS_URL is missing, and no route has {JWKS_PATH}"])
    return jwks_of(app.upstreams[route.name])
