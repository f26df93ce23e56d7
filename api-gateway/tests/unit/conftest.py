"""Time and chance under the tests' control."""

from collections.abc import Callable
from typing import Any

import pytest

from api_gateway.routes import Address, Policy, Route, Timeouts


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def make_route() -> Callable[..., Route]:
    """Make a route: `make_route("users", "127.0.0.1:5001", "10.0.0.1:80", max_in_flight=3)`."""

    def make(name: str, *netlocs: str, timeouts: Timeouts | None = None, **more: Any) -> Route:
        pairs = [netloc.rsplit(":", 1) for netloc in netlocs]
        return Route(
            name=name,
            prefix=f"/api/{name}",
            addresses=tuple(Address(host, int(port)) for host, port in pairs),
            own_policy=Policy(timeouts=timeouts or Timeouts(1.0, 2.0, 0.0)),
            **more,
        )

    return make
