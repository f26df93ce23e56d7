"""The gateway's settings; where the services are stands in the route table."""

from dataclasses import dataclass

from api_gateway.middleware.origin import PRIVATE, Networks
from chassis.config import LogSettings, setting


@dataclass(frozen=True, kw_only=True)
class Config(LogSettings):
    """What the gateway reads from the environment."""

    host: str = setting("127.0.0.1", "Address to listen on")
    port: int = setting(5000, "Port to listen on")
    web_workers: int = setting(1, "Processes; each keeps its own connections and state")
    gateway_routes: str = setting(
        "", "Path of the route table; empty: the package's own `routes.toml`"
    )
    redis_url: str = setting(
        "",
        "Where gateways share rate limits and learn of revoked tokens; empty: each alone",
        secret=True,
    )
    rate_limits: bool = setting(True, "Whether the limits of the route table hold")
    trusted_proxies: tuple[str, ...] = setting(
        (), "Networks of proxies in front whose `X-Forwarded-*` are believed, such as `10.0.0.0/8`"
    )
    metrics_from: tuple[str, ...] = setting(
        PRIVATE, "Networks that may read `/metrics`; for others it does not exist"
    )
    hsts_seconds: int = setting(
        0, "How long browsers shall insist on TLS once they came by it; 0: no such promise"
    )
    client_head_timeout: float = setting(
        10.0, "Seconds that a client has for the head of a request, however it trickles in"
    )
    client_body_timeout: float = setting(
        30.0, "Seconds without progress of a request body, or of a client that reads its answer"
    )
    jwks_url: str = setting(
        "", "Where tokens' public keys are; empty: asked of the `users` service"
    )
    jwt_issuer: str = setting("platform", "Required `iss` of access tokens")
    jwt_audience: str = setting("platform", "Required `aud` of access tokens")
    cors_origins: tuple[str, ...] = setting(
        (), "Origins that browsers may call from, separated by commas; `*`: any"
    )
    otlp_url: str = setting(
        "", "Where traces go (OTLP over HTTP), such as `http://traces:4318`; empty: nowhere"
    )
    max_body_bytes: int = setting(
        1_048_576, "Largest request body that is passed on; a route may have its own"
    )

    def problems(self) -> list[str]:
        """Return what is wrong with the values together."""
        found = super().problems()
        for name in ("trusted_proxies", "metrics_from"):
            try:
                Networks(getattr(self, name))
            except ValueError as error:
                found.append(f"{name.upper()}: {error}")
        if self.web_workers < 1:
            found.append("WEB_WORKERS must be at least 1")
        return found
