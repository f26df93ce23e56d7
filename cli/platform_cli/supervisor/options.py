"""What `up` was asked for, checked before anything starts."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from platform_cli.env_file import read_env_file
from platform_cli.errors import PlatformError
from platform_cli.folders import Var
from platform_cli.manifest import DEFAULT_BASE, Manifest, own_names
from platform_cli.supervisor.added import read_added

DEFAULT_PORT = DEFAULT_BASE
MAX_REPLICAS = 16


@dataclass(frozen=True, kw_only=True)
class Options:
    """port: the gateway's; services follow at +1 to +99, their workers' health 100 above each.

    broker: "redis" or "rabbitmq" that we start, or the URL of one that somebody else runs.
    extra: folders of services to run beside the platform's own.
    """

    var: Path
    port: int = DEFAULT_PORT
    host: str = "127.0.0.1"
    store: str = "embedded"
    broker: str = "redis"
    scale: Mapping[str, int] = field(default_factory=dict)
    env_file: str | None = None
    extra: tuple[str, ...] = ()

    @property
    def folders(self) -> Var:
        return Var(self.var)

    @property
    def gateway(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @cached_property
    def added(self) -> tuple[Manifest, ...]:
        """The services of `extra`; raises PlatformError where one is not described well."""
        return read_added(self.extra)

    @property
    def services(self) -> tuple[str, ...]:
        return (*own_names(), *(one.name for one in self.added))

    def environment(self) -> dict[str, str]:
        """Return what the user set: the process's environment, the env file above it."""
        extra = read_env_file(Path(self.env_file)) if self.env_file else {}
        return {**os.environ, **extra}

    def as_json(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "var": str(self.var),
            "scale": dict(self.scale),
            "extra": [*self.extra],
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Options":
        extra = tuple(values.get("extra", ()))
        return cls(**{**values, "var": Path(values["var"]), "extra": extra})


def parse_scale(texts: tuple[str, ...], services: tuple[str, ...] | None = None) -> dict[str, int]:
    """Return {"orders": 2} for ("orders=2",); commas separate several in one text.

    services: which there are; None for the platform's own.
    """
    known = own_names() if services is None else services
    scale = {}
    for text in ",".join(texts).split(",") if texts else ():
        name, _, number = text.partition("=")
        if name not in known:
            raise PlatformError(f"--scale {text}: no such service (one of {', '.join(known)})")
        if not number.isdecimal() or not 1 <= int(number) <= MAX_REPLICAS:
            raise PlatformError(f"--scale {text}: a number from 1 to {MAX_REPLICAS} is needed")
        scale[name] = int(number)
    return scale


def require_external(
    environment: Mapping[str, str], services: tuple[str, ...] | None = None
) -> None:
    """Raise PlatformError naming every address that --store external lacks."""
    known = own_names() if services is None else services
    names = [f"{service.upper()}_DATABASE_URL" for service in known]
    missing = [name for name in (*names, "REDIS_URL") if not environment.get(name)]
    if missing:
        raise PlatformError(
            f"--store external needs {', '.join(missing)} (environment or --env-file)"
        )
