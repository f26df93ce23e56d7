"""The route table: read from TOML, checked whole, then only looked up."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chassis.config import ConfigError

_PACKAGED = Path(__file__).with_name("routes.toml")
_PREFIX = re.compile(r"/[a-z0-9-]+/[a-z0-9-]+")
_BASE_URL = re.compile(
    r"http://(?P<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?/?"
)
_RULE = re.compile(r"(?P<method>[A-Z]{3,20}) (?P<path>/[!-)+-~]*?)(?P<below>/\*)?")
KEYS = {
    "prefix": str,
    "paths": list,
    "upstream": str,
    "default": str,
    "critical": bool,
    "connect_timeout": float,
    "read_timeout": float,
    "max_body_bytes": int,
    "public": list,
}


@dataclass(frozen=True)
class Address:
    """Where one instance of a service listens."""

    host: str
    port: int

    @property
    def netloc(self) -> str:
        """Return it as it stands in a Host header."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class PublicRules:
    """The requests to one service that need no token."""

    exact: frozenset[tuple[str, str]] = frozenset()
    below: tuple[tuple[str, str], ...] = ()

    def allow(self, method: str, path: str) -> bool:
        """Tell whether a request may pass without a token.

        path: as it is forwarded, never decoded: otherwise `/%61pi` or `..%2f` could be judged as
        one path here and served as another by the service.
        """
        if method == "HEAD":
            method = "GET"
        if (method, path) in self.exact:
            return True
        return any(method == wanted and path.startswith(prefix) for wanted, prefix in self.below)


@dataclass(frozen=True)
class Route:
    """One service as the gateway knows it. Times are seconds."""

    name: str
    prefix: str
    addresses: tuple[Address, ...]
    paths: tuple[str, ...] = ()
    critical: bool = True
    connect_timeout: float = 1.0
    read_timeout: float = 30.0
    max_body_bytes: int | None = None
    public: PublicRules = field(default_factory=PublicRules)


class RouteTable:
    """All routes, found by the first two segments of a path or by an exact path."""

    def __init__(self, routes: list[Route]) -> None:
        self.routes = {route.name: route for route in routes}
        self._by_prefix = {route.prefix: route for route in routes}
        self._by_path = {path: route for route in routes for path in route.paths}

    def match(self, path: str) -> Route | None:
        """Return the route of a raw path, None where no service has it."""
        end = path.find("/", path.find("/", 1) + 1)
        return self._by_prefix.get(path if end < 0 else path[:end]) or self._by_path.get(path)


def load_routes(path: str, environ: Mapping[str, str]) -> RouteTable:
    """Read the table at `path` (empty: the package's own); upstream variables come from `environ`.

    Raises ConfigError with everything that is wrong with it.
    """
    source = Path(path) if path else _PACKAGED
    try:
        document = tomllib.loads(source.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError([f"route table {source}: {error}"]) from error
    problems: list[str] = []
    routes = []
    for name, entry in document.get("services", {}).items():
        try:
            routes.append(_route(name, entry, environ))
        except (ValueError, KeyError, TypeError) as error:
            problems.append(f"route table {source}: services.{name}: {error}")
    taken = [key for route in routes for key in (route.prefix, *route.paths)]
    problems += [
        f"route table {source}: {key} is there twice"
        for key in {k for k in taken if taken.count(k) > 1}
    ]
    if not routes and not problems:
        problems.append(f"route table {source}: there is no [services.NAME]")
    if problems:
        raise ConfigError(problems)
    return RouteTable(routes)


def _route(name: str, entry: dict[str, Any], environ: Mapping[str, str]) -> Route:
    for key, value in entry.items():
        if key not in KEYS:
            raise ValueError(f"{key} is not known")
        if not isinstance(value, (int, float) if KEYS[key] is float else KEYS[key]):
            raise ValueError(f"{key} must be of type {KEYS[key].__name__}")
    if not _PREFIX.fullmatch(entry["prefix"]):
        raise ValueError("prefix must have two segments, such as /api/orders")
    for key in ("connect_timeout", "read_timeout"):
        if not entry.get(key, 1) > 0:
            raise ValueError(f"{key} must be above 0")
    urls = environ.get(entry["upstream"]) or entry.get("default", "")
    limits = {
        key: entry[key]
        for key in ("connect_timeout", "read_timeout", "max_body_bytes")
        if key in entry
    }
    paths = tuple(entry.get("paths", ()))
    public = _public(entry.get("public", []))
    for _, path in public.exact:
        if path not in paths and not f"{path}/".startswith(entry["prefix"] + "/"):
            # A rule in the wrong place would look right and never apply.
            raise ValueError(f"public rule for {path} is not a path of this service")
    return Route(
        name=name,
        prefix=entry["prefix"],
        addresses=_addresses(entry["upstream"], urls),
        paths=paths,
        critical=entry.get("critical", True),
        public=public,
        **limits,
    )


def _addresses(variable: str, urls: str) -> tuple[Address, ...]:
    found = []
    for url in filter(None, (part.strip() for part in urls.split(","))):
        match = _BASE_URL.fullmatch(url)
        if not match or int(match["port"] or 80) > 65535:
            raise ValueError(
                f"{variable} must hold base URLs such as http://host:5001, without a path"
            )
        found.append(Address(match["host"], int(match["port"] or 80)))
    if not found:
        raise ValueError(f"{variable} is not set and there is no default")
    return tuple(found)


def _public(rules: list[str]) -> PublicRules:
    exact: set[tuple[str, str]] = set()
    below: list[tuple[str, str]] = []
    for rule in rules:
        match = _RULE.fullmatch(rule)
        if not match:
            raise ValueError(f"public rule {rule!r} is not `METHOD /path` or `METHOD /path/*`")
        exact.add((match["method"], match["path"]))
        if match["below"]:
            below.append((match["method"], match["path"] + "/"))
    return PublicRules(frozenset(exact), tuple(below))
