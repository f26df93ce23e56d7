"""Environment variables in, one frozen settings object out; every problem reported at once."""

import os
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any, Self, get_type_hints


class ConfigError(Exception):
    """The environment is incomplete or wrong; the message names every variable at fault."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("configuration: " + "; ".join(problems))


def setting(
    default: Any = MISSING, doc: str = "", *, secret: bool = False, development: Any = MISSING
) -> Any:
    """Declare a setting; its variable is the field's name in upper case.

    default: used in every profile. development: used outside production only, so that a secret
    can have a value for newcomers and still be demanded in production.
    secret: may also come as `NAME_FILE`, the path of a file, and is never shown.
    """
    metadata = {"doc": doc, "secret": secret, "development": development}
    if default is MISSING:
        return field(metadata=metadata, repr=not secret)
    return field(default=default, metadata=metadata, repr=not secret)


def _boolean(text: str) -> bool:
    known = {
        "true": True,
        "1": True,
        "yes": True,
        "on": True,
        "false": False,
        "0": False,
        "no": False,
        "off": False,
    }
    if text.strip().lower() not in known:
        raise ValueError("must be true or false")
    return known[text.strip().lower()]


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


_PARSERS: dict[Any, Callable[[str], Any]] = {
    str: str,
    int: int,
    float: float,
    bool: _boolean,
    tuple[str, ...]: _parts,
}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Base of every settings object: reading the environment and checking the profile."""

    platform_env: str = setting("development", "Profile: `development`, `testing` or `production`")

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **overrides: Any) -> Self:
        """Read the settings from `environ`; `overrides` win and are not parsed.

        Raises ConfigError with all missing and malformed names.
        """
        source = os.environ if environ is None else environ
        problems: list[str] = []
        values: dict[str, Any] = {}
        production = str(overrides.get("platform_env", source.get("PLATFORM_ENV"))) == "production"
        types = get_type_hints(cls)
        for spec in fields(cls):
            if spec.name in overrides:
                values[spec.name] = overrides[spec.name]
                continue
            try:
                values[spec.name] = _read(spec, types[spec.name], source, production)
            except (ValueError, OSError) as error:
                problems.append(f"{spec.name.upper()} {error}")
                # Any value of the type, so that the others are checked in the same go.
                missing = spec.default is MISSING
                values[spec.name] = types[spec.name]() if missing else spec.default
        settings = cls(**values)
        reported = {problem.split()[0] for problem in problems}
        problems += [found for found in settings.problems() if found.split()[0] not in reported]
        if problems:
            raise ConfigError(problems)
        return settings

    def problems(self) -> list[str]:
        """Return what is wrong with the values together; subclasses extend it."""
        if self.platform_env not in ("development", "testing", "production"):
            return ["PLATFORM_ENV must be development, testing or production"]
        return []

    @property
    def production(self) -> bool:
        """Tell whether this is the production profile."""
        return self.platform_env == "production"


def _read(spec: Field[Any], kind: Any, source: Mapping[str, str], production: bool) -> Any:
    name = spec.name.upper()
    text = source.get(name)
    if text is None and f"{name}_FILE" in source:
        text = Path(source[f"{name}_FILE"]).read_text(encoding="utf-8").strip()
    if text is not None and (text != "" or kind is tuple[str, ...]):
        try:
            return _PARSERS[kind](text)
        except ValueError as error:
            # The value is not repeated: it may be a secret.
            raise ValueError(f"is not a valid {getattr(kind, '__name__', 'list')}") from error
    if not production and spec.metadata["development"] is not MISSING:
        return spec.metadata["development"]
    if spec.default is not MISSING:
        return spec.default
    raise ValueError("is missing")


@dataclass(frozen=True, kw_only=True)
class LogSettings(Settings):
    """What every process that logs reads."""

    log_level: str = setting("INFO", "Level of the root logger")
    log_format: str = setting("json", "`json` or `console`")
    log_file: str = setting(
        "", "File that JSON logs go to as well, such as `/var/log/{service}.log`; empty: none"
    )
    log_file_bytes: int = setting(10_485_760, "Size at which the log file is put aside")
    log_file_count: int = setting(5, "Log files put aside that are kept")

    def problems(self) -> list[str]:
        """Return what is wrong with the values together."""
        found = super().problems()
        if self.log_format not in ("json", "console"):
            found.append("LOG_FORMAT must be json or console")
        if self.log_level not in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
            found.append("LOG_LEVEL must be DEBUG, INFO, WARNING, ERROR or CRITICAL")
        return found + [
            f"{name.upper()} must be at least 1"
            for name in ("log_file_bytes", "log_file_count")
            if getattr(self, name) < 1
        ]


@dataclass(frozen=True, kw_only=True)
class ServiceConfig(LogSettings):
    """What every service reads; a service adds its own in `config.py`."""

    host: str = setting("127.0.0.1", "Address to listen on")
    port: int = setting(5000, "Port of the web process")
    worker_port: int = setting(5100, "Port of the worker's health endpoint")
    database_url: str = setting(doc="SQLAlchemy URL of this service's own Postgres", secret=True)
    db_pool_size: int = setting(
        8, "Database connections of the web process, at least `WEB_THREADS`"
    )
    redis_url: str = setting(doc="Redis: token denylist, rate limits, cache", secret=True)
    cache_url: str = setting(
        "", "Redis of the caches, which may lose what it holds; empty: `REDIS_URL`", secret=True
    )
    broker_url: str = setting(
        "", "RabbitMQ (`amqp://`) or Redis (`redis://`); empty: `REDIS_URL`", secret=True
    )
    secret_key: str = setting(doc="Key for encryption at rest", secret=True)
    users_url: str = setting("http://127.0.0.1:5001", "Base URL of user-service")
    products_url: str = setting("http://127.0.0.1:5002", "Base URL of product-service")
    orders_url: str = setting("http://127.0.0.1:5003", "Base URL of order-service")
    payments_url: str = setting("http://127.0.0.1:5004", "Base URL of payment-service")
    notifications_url: str = setting("http://127.0.0.1:5005", "Base URL of notification-service")
    jwks_url: str = setting("", "Where tokens' public keys are; empty: user-service's")
    jwt_issuer: str = setting("platform", "Required `iss` of access tokens")
    jwt_audience: str = setting("platform", "Required `aud` of access tokens")
    cors_origins: tuple[str, ...] = setting(
        (), "Origins that browsers may call from, separated by commas"
    )
    slow_query_seconds: float = setting(
        0.5, "A statement that takes so long is logged; 0: none is. At `DEBUG` all are"
    )
    otlp_url: str = setting(
        "", "Where traces go (OTLP over HTTP), such as `http://traces:4318`; empty: nowhere"
    )
    max_body_bytes: int = setting(1_048_576, "Largest request body that is read")
    web_workers: int = setting(1, "Processes of the web server")
    web_threads: int = setting(8, "Threads of each web process")
    worker_concurrency: int = setting(2, "Celery tasks that run at the same time")
    event_threads: int = setting(
        1, "Events that a worker handles at the same time; those of one subject in their order"
    )

    def problems(self) -> list[str]:
        """Return what is wrong with the values together."""
        found = super().problems()
        if self.database_url and not self.database_url.startswith("postgresql+psycopg2://"):
            # Without the driver's name SQLAlchemy 2.1 takes psycopg 3, which is not installed.
            found.append("DATABASE_URL must start with postgresql+psycopg2://")
        positive = (
            "max_body_bytes",
            "web_workers",
            "web_threads",
            "worker_concurrency",
            "event_threads",
            "db_pool_size",
        )
        found += [
            f"{name.upper()} must be at least 1" for name in positive if getattr(self, name) < 1
        ]
        found += [
            f"{name.upper()} must be 0 to 65535"
            for name in ("port", "worker_port")
            if getattr(self, name) not in range(65_536)
        ]
        return found

    @property
    def effective_broker_url(self) -> str:
        """Return the broker's URL: `broker_url`, or Redis where that is empty."""
        return self.broker_url or self.redis_url

    @property
    def effective_cache_url(self) -> str:
        """Return the URL of the caches' Redis."""
        return self.cache_url or self.redis_url

    @property
    def effective_jwks_url(self) -> str:
        """Return where the public keys are."""
        return self.jwks_url or f"{self.users_url.split(',')[0]}/.well-known/jwks.json"
