"""What the gateway knows of the services: which paths, which policies, which addresses."""

from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True)
class Address:
    """Where one or more instances of a service listen. host: a name or an IP address."""

    host: str
    port: int

    @property
    def netloc(self) -> str:
        """Return it as it stands in a Host header."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a service may take, in seconds.

    connect: until a connection is there. read: until the head of the answer, and between two pieces
    of its body. total: from the first attempt to the end of the body; 0: no such bound.
    """

    connect: float = 1.0
    read: float = 30.0
    total: float = 0.0


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `amount` requests of one caller in each `seconds`. by: `user` or `address`."""

    name: str
    amount: int
    seconds: int
    by: str


@dataclass(frozen=True)
class Patterns:
    """A set of requests, by method and path."""

    exact: frozenset[tuple[str, str]] = frozenset()
    below: tuple[tuple[str, str], ...] = ()

    def cover(self, method: str, path: str) -> bool:
        """Tell whether a request is one of them; GET covers HEAD.

        path: as it is forwarded, never decoded: otherwise `/%61pi` or `..%2f` could be judged as
        one path here and served as another by the service.
        """
        if method == "HEAD":
            method = "GET"
        if (method, path) in self.exact:
            return True
        return any(method == wanted and path.startswith(prefix) for wanted, prefix in self.below)


@dataclass(frozen=True)
class Policy:
    """What holds for a request. max_body_bytes: None where only the general one holds."""

    timeouts: Timeouts = Timeouts()
    max_body_bytes: int | None = None
    limits: tuple[Limit, ...] = ()

    @cached_property
    def quota(self) -> str:
        """The limits as the RateLimit-Policy field tells them."""
        return ", ".join(f'"{one.name}";q={one.amount};w={one.seconds}' for one in self.limits)


@dataclass(frozen=True)
class Rule:
    """A policy for some requests of a service, in the place of the service's own."""

    patterns: Patterns
    policy: Policy


@dataclass(frozen=True)
class Route:
    """One service as the gateway knows it. max_in_flight: requests that it may have at one time."""

    name: str
    prefix: str
    addresses: tuple[Address, ...]
    paths: tuple[str, ...] = ()
    critical: bool = True
    max_in_flight: int = 256
    own_policy: Policy = field(default_factory=Policy)
    public: Patterns = field(default_factory=Patterns)
    rules: tuple[Rule, ...] = ()

    @property
    def timeouts(self) -> Timeouts:
        """The service's own, where no rule says otherwise."""
        return self.own_policy.timeouts

    def policy(self, method: str, path: str) -> Policy:
        """Return what holds for a request: of the first rule that covers it, or the service's."""
        for rule in self.rules:
            if rule.patterns.cover(method, path):
                return rule.policy
        return self.own_policy


class RouteTable:
    """All routes, found by the first two segments of a path or by an exact path.

    digest: of the file it was read from, so that others can tell which one is in use.
    """

    def __init__(self, routes: list[Route], digest: str = "") -> None:
        self.routes = {route.name: route for route in routes}
        self.digest = digest
        self._by_prefix = {route.prefix: route for route in routes}
        self._by_path = {path: route for route in routes for path in route.paths}

    def match(self, path: str) -> Route | None:
        """Return the route of a raw path, None where no service has it."""
        end = path.find("/", path.find("/", 1) + 1)
        return self._by_prefix.get(path if end < 0 else path[:end]) or self._by_path.get(path)
