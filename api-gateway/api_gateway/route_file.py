"""Read the route table from TOML and check all of it before any of it is used."""

import hashlib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from api_gateway.routes import Address, Limit, Patterns, Policy, Route, RouteTable, Rule, Timeouts
from chassis.config import ConfigError

PACKAGED = Path(__file__).with_name("routes.toml")
_PREFIX = re.compile(r"/[a-z0-9-]+/[a-z0-9-]+")
_BASE_URL = re.compile(
    r"http://(?P<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?/?"
)
_PATTERN = re.compile(r"(?P<method>[A-Z]{3,20}) (?P<path>/[!-)+-~]*?)(?P<below>/\*)?")
_LIMIT = re.compile(
    r"(?P<amount>[1-9][0-9]{0,8})/(?P<period>second|minute|hour|day) per (?P<by>user|address)"
)
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
# What a service may set, and a rule in its place for the requests it matches.
POLICY_KEYS = {
    "connect_timeout": float,
    "read_timeout": float,
    "total_timeout": float,
    "max_body_bytes": int,
    "limits": list,
}
KEYS = {
    "prefix": str,
    "paths": list,
    "upstream": str,
    "default": str,
    "critical": bool,
    "max_in_flight": int,
    "public": list,
    "rules": list,
    **POLICY_KEYS,
}
RULE_KEYS = {"match": list, **POLICY_KEYS}


class _Wrong(Exception):
    """A value that cannot be used. key: of the line it stands on."""

    def __init__(self, key: str, message: str, rule: int | None = None) -> None:
        self.key = key
        self.rule = rule
        super().__init__(message)


def load_routes(path: str, environ: Mapping[str, str]) -> RouteTable:
    """Read the table at `path` (empty: the package's own); upstream variables come from `environ`.

    Raises ConfigError with everything that is wrong with it, and on which line.
    """
    source = Path(path) if path else PACKAGED
    try:
        text = source.read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except (OSError, ValueError) as error:  # A syntax error tells its line itself.
        raise ConfigError([f"route table {source}: {error}"]) from error
    problems: list[str] = []
    routes: list[Route] = []

    def refuse(name: str, wrong: _Wrong) -> None:
        line = _line(text, name, wrong)
        problems.append(f"route table {source}, line {line}: services.{name}: {wrong}")

    for name, entry in _services(document, source).items():
        try:
            route = _route(name, entry, environ)
            _refuse_taken(route, routes)
            routes.append(route)
        except _Wrong as wrong:
            refuse(name, wrong)
    if problems:
        raise ConfigError(problems)
    return RouteTable(routes, hashlib.sha256(text.encode()).hexdigest()[:12])


def _services(document: dict[str, Any], source: Path) -> dict[str, Any]:
    services = document.get("services")
    if not isinstance(services, dict) or not services:
        raise ConfigError([f"route table {source}: there is no [services.NAME]"])
    unknown = sorted(set(document) - {"services"})
    if unknown:
        raise ConfigError([f"route table {source}: {unknown[0]} is not known"])
    return services


def _refuse_taken(route: Route, others: list[Route]) -> None:
    taken = {key for other in others for key in (other.prefix, *other.paths)}
    for key, values in (("prefix", (route.prefix,)), ("paths", route.paths)):
        for value in values:
            if value in taken:
                raise _Wrong(key, f"{value} is there twice")


def _line(text: str, service: str, wrong: _Wrong) -> int:
    """Return the number of the line that holds a key of a service or of one of its rules."""
    table, found, rules = "", 0, -1
    header = re.compile(r"\s*\[+\s*services\s*\.\s*[\"']?([\w-]+)[\"']?\s*(\.\s*rules)?\s*\]+")
    key = re.compile(rf"\s*[\"']?{re.escape(wrong.key)}[\"']?\s*=")
    for number, line in enumerate(text.splitlines(), 1):
        match = header.match(line)
        if match:
            table, is_rule = match[1], bool(match[2])
            rules += is_rule and table == service
            here = table == service and (rules if is_rule else None) == wrong.rule
            found = number if here else found
        elif found and table == service and key.match(line) and here:
            return number
    return found


def _checked(entry: Any, keys: dict[str, type], rule: int | None = None) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise _Wrong("", "must be a table", rule)
    for key, value in entry.items():
        kind = keys.get(key)
        if kind is None:
            raise _Wrong(key, f"{key} is not known", rule)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (is_number if kind is float else type(value) is kind):
            raise _Wrong(key, f"{key} must be of type {kind.__name__}", rule)
        if kind in (int, float) and not (value > 0 or (key == "total_timeout" and value == 0)):
            raise _Wrong(key, f"{key} must be above 0", rule)
        if kind is list and key != "rules" and not all(isinstance(one, str) for one in value):
            raise _Wrong(key, f"{key} must hold strings", rule)
    return entry


def _route(name: str, entry: Any, environ: Mapping[str, str]) -> Route:
    _checked(entry, KEYS)
    for key in ("prefix", "upstream"):
        if key not in entry:
            raise _Wrong("", f"{key} is missing")
    if not _PREFIX.fullmatch(entry["prefix"]):
        raise _Wrong("prefix", "prefix must have two segments, such as /api/orders")
    paths = tuple(entry.get("paths", ()))
    served = (*paths, entry["prefix"])
    own = _policy(entry, Policy(), f"{name}", None)
    rules = [
        _rule(f"{name}-{number + 1}", rule, own, served, number)
        for number, rule in enumerate(entry.get("rules", ()))
    ]
    return Route(
        name=name,
        prefix=entry["prefix"],
        addresses=_addresses(entry["upstream"], environ.get(entry["upstream"]), entry),
        paths=paths,
        critical=entry.get("critical", True),
        max_in_flight=entry.get("max_in_flight", Route.max_in_flight),
        own_policy=own,
        public=_patterns("public", entry.get("public", []), served, None),
        rules=tuple(rules),
    )


def _rule(name: str, entry: Any, own: Policy, served: tuple[str, ...], number: int) -> Rule:
    _checked(entry, RULE_KEYS, number)
    if not entry.get("match"):
        raise _Wrong("", "match is missing", number)
    return Rule(
        _patterns("match", entry["match"], served, number), _policy(entry, own, name, number)
    )


def _policy(entry: dict[str, Any], base: Policy, name: str, rule: int | None) -> Policy:
    times = base.timeouts
    return Policy(
        Timeouts(
            float(entry.get("connect_timeout", times.connect)),
            float(entry.get("read_timeout", times.read)),
            float(entry.get("total_timeout", times.total)),
        ),
        entry.get("max_body_bytes", base.max_body_bytes),
        # Those of a rule are counted apart, beside the service's.
        base.limits + tuple(_limit(text, name, rule) for text in entry.get("limits", ())),
    )


def _limit(text: str, name: str, rule: int | None) -> Limit:
    match = _LIMIT.fullmatch(text)
    if not match:
        message = f"limit {text!r} is not `AMOUNT/second|minute|hour|day per user|address`"
        raise _Wrong("limits", message, rule)
    seconds = _SECONDS[match["period"]]
    return Limit(f"{name}-{match['by']}-{seconds}", int(match["amount"]), seconds, match["by"])


def _addresses(variable: str, value: str | None, entry: dict[str, Any]) -> tuple[Address, ...]:
    found = []
    urls = value or entry.get("default", "")
    key = "upstream" if value else "default"
    for url in filter(None, (part.strip() for part in urls.split(","))):
        match = _BASE_URL.fullmatch(url)
        if not match or not 0 < int(match["port"] or 80) <= 65535:
            raise _Wrong(
                key, f"{variable} must hold base URLs such as http://host:5001, without a path"
            )
        found.append(Address(match["host"], int(match["port"] or 80)))
    if not found:
        raise _Wrong("upstream", f"{variable} is not set and there is no default")
    return tuple(found)


def _patterns(key: str, texts: list[str], served: tuple[str, ...], rule: int | None) -> Patterns:
    exact: set[tuple[str, str]] = set()
    below: list[tuple[str, str]] = []
    *paths, prefix = served
    for text in texts:
        match = _PATTERN.fullmatch(text)
        if not match:
            raise _Wrong(key, f"{key}: {text!r} is not `METHOD /path` or `METHOD /path/*`", rule)
        method, path = match["method"], match["path"]
        if path not in paths and not f"{path}/".startswith(prefix + "/"):
            # A rule in the wrong place would look right and never apply.
            raise _Wrong(key, f"{key}: {path} is not a path of this service", rule)
        exact.add((method, path))
        if match["below"]:
            below.append((method, path + "/"))
    return Patterns(frozenset(exact), tuple(below))
