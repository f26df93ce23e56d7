"""The composition of the gateway: every part in one place."""

import os
from collections.abc import Callable

import gevent

from api_gateway.call import Call
from api_gateway.config import Config
from api_gateway.docs.pages import Docs
from api_gateway.gateway import Gateway
from api_gateway.middleware.access_log import AccessLog
from api_gateway.middleware.auth import JWKS_PATH, TokenCheck, jwks_of
from api_gateway.middleware.cors import Cors
from api_gateway.middleware.metrics import Metrics
from api_gateway.middleware.origin import Networks, Origins
from api_gateway.middleware.rate_limit import RateLimits
from api_gateway.middleware.security_headers import SecurityHeaders
from api_gateway.pages import Pages
from api_gateway.redis_link import RedisLink
from api_gateway.route_file import load_routes
from api_gateway.routes import RouteTable
from api_gateway.upstreams.registry import Upstreams
from chassis import logging, spans
from chassis.config import ConfigError
from chassis.log_level import LevelWatch
from chassis.tokens import Jwks, KeySet, fetch_jwks


def create_app(config: Config | None = None, table: RouteTable | None = None) -> Gateway:
    """Build the gateway; opens no connection, `start` does.

    config, table: read from the environment where they are not given; raises ConfigError.
    """
    config = config or Config.from_env()
    logging.configure("gateway", config.log_level, config.log_format, logging.file_of(config))
    spans.configure("gateway", config.otlp_url)
    app = Gateway(__name__, static_folder=None)
    app.table = table or load_routes(config.gateway_routes, os.environ)
    app.upstreams = Upstreams(app.table)
    app.max_body_bytes = config.max_body_bytes
    app.origins = Origins(Networks(config.trusted_proxies))
    app.cors = Cors(config.cors_origins)
    app.security = SecurityHeaders(config.hsts_seconds)
    app.access_log = AccessLog(config.log_format)
    app.metrics = Metrics(app.upstreams.snapshot)
    app.tokens = TokenCheck(
        KeySet(_jwks(config, app)), issuer=config.jwt_issuer, audience=config.jwt_audience
    )
    app.limits = RateLimits(config.rate_limits, exempt=_is_staff(app.tokens))
    Pages(app, Networks(config.metrics_from)).init_app()
    Docs(app).init_app()
    return app


def start(app: Gateway, config: Config) -> None:
    """Begin what runs beside the requests: probing, and the exchange with other processes."""
    app.upstreams.start()
    gevent.spawn(app.access_log.run)
    if config.redis_url:
        link = RedisLink(config.redis_url, app.limits, app.tokens)
        app.tokens.denied = link.denied
        gevent.spawn(link.run)
        LevelWatch("gateway", config.log_level, config.redis_url).start()


_STAFF_ROLES = frozenset({"staff", "admin"})


def _is_staff(tokens: TokenCheck) -> Callable[[Call], bool]:
    """Tell callers that no limit refuses: the shop's own people and their tools."""

    def exempt(call: Call) -> bool:
        caller = call.caller
        if caller is None and (authorization := call.environ.get("HTTP_AUTHORIZATION")):
            caller = tokens.caller_if_valid(authorization)  # The route is public.
        return caller is not None and not caller.roles.isdisjoint(_STAFF_ROLES)

    return exempt


def _jwks(config: Config, app: Gateway) -> Callable[[], Jwks]:
    if config.jwks_url:
        return fetch_jwks(config.jwks_url)
    if app.table.match(JWKS_PATH) is None:
        raise ConfigError([f"JWKS_URL is missing, and no route has {JWKS_PATH}"])
    return jwks_of(app)
