"""A service as the gateway asks it: its instances, and what their failures mean."""

import time
from collections.abc import Callable
from typing import Any

import gevent
from gevent.event import Event

from api_gateway.errors import (
    BadUpstreamAnswer,
    NoHealthyInstance,
    Overloaded,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from api_gateway.routes import Route, Timeouts
from api_gateway.upstreams.answer import Answer
from api_gateway.upstreams.balance import Balance
from api_gateway.upstreams.breaker import Fault
from api_gateway.upstreams.discovery import Discovery, Lookup, look_up
from api_gateway.upstreams.instance import Failed, Instance, Load, Overdue
from api_gateway.upstreams.request import NEVER, Request, Terms, never
from api_gateway.upstreams.retry_budget import RetryBudget
from api_gateway.upstreams.upkeep import Upkeep
from chassis.exceptions import ServiceError


class AllOut(Exception):
    """No instance may be asked; says why for each, for the log."""


class Upstream:
    """All instances of one service, and how much is asked of them at one time."""

    def __init__(self, route: Route, lookup: Lookup = look_up) -> None:
        self.route = route
        self.budget = RetryBudget()
        self.discovery = Discovery(route.addresses, lookup)
        self.refused = 0
        self._lookup = lookup
        self._load = Load()
        self._balance = Balance(route.max_in_flight)
        self._found = Event()
        self._looking: gevent.Greenlet | None = None
        self.upkeep = Upkeep(self.look_up)
        self.settle()

    def start(self) -> None:
        """Begin to probe the instances and to resolve names again and again."""
        self.upkeep.start(self.instances, bool(self.discovery.names))

    @property
    def instances(self) -> list[Instance]:
        """All of them, whether they take requests or not."""
        return self._balance.instances

    @property
    def in_flight(self) -> int:
        """How many requests it has now, streams that have not ended included."""
        return self._load.in_flight

    def update(self, route: Route) -> None:
        """Take another route for the same service; endpoints that stay keep their state."""
        if route.addresses != self.route.addresses:
            discovery = Discovery(route.addresses, self._lookup)
            discovery.keep(self.discovery)
            self.discovery = discovery
        self.route = route
        self._balance.cap = route.max_in_flight
        self.settle()

    def settle(self) -> None:
        """Have exactly the instances that are known now; those that vanished end what they do."""
        endpoints, balance = self.discovery.endpoints, self._balance
        before = {instance.endpoint: instance for instance in self.instances}
        balance.use(
            [
                before.pop(one) if one in before else Instance(one, self._load, balance.sort)
                for one in endpoints
            ]
        )
        for instance in before.values():
            instance.retire()
        self.upkeep.tend(self.instances, bool(self.discovery.names))
        if endpoints:
            self._found.set()

    def retire(self) -> None:
        """Close idle connections and end what `start` began; requests that run go on."""
        self.upkeep.stop()
        for instance in self.instances:
            instance.retire()

    def ask(
        self,
        request: Request,
        client_gone: Callable[[], bool] = never,
        timeouts: Timeouts | None = None,
    ) -> Answer:
        """Send `request` to an instance and return the answer with its head read.

        timeouts: where they differ from the route's. It is sent a second time at most, see
        `_may_send_again`. Raises Overloaded, NoHealthyInstance, UpstreamUnreachable,
        UpstreamTimeout, BadUpstreamAnswer, ClientGone, and what the body's blocks raise.
        """
        load, timeouts = self._load, timeouts or self.route.timeouts
        if load.in_flight >= self._balance.cap:
            self.refused += 1
            raise Overloaded(f"The {self.route.name} service has enough to do")
        ends = time.monotonic() + timeouts.total if timeouts.total else NEVER
        terms = Terms(timeouts, ends, client_gone)
        load.in_flight += 1
        try:
            try:
                self.budget.requests += 1
                return self._choose(terms).exchange(request, terms)
            except Failed as failure:
                return self._again(request, terms, failure)
        except BaseException as error:
            load.in_flight -= 1
            if isinstance(error, Failed | Overdue):
                raise self._refusal(error) from error.__cause__
            raise

    def _choose(self, terms: Terms) -> Instance:
        if not self.instances:
            self._wait_for_names(terms)
        instance = self._balance.choose()
        if instance is None:
            reasons = (f"{one.endpoint.url}: {one.standing.reason()}" for one in self.instances)
            cause = AllOut("; ".join(reasons))
            raise NoHealthyInstance(_nobody(self.route.name)) from cause
        return instance

    def _wait_for_names(self, terms: Terms) -> None:
        """Resolve names that never were; once they were, that happens beside the requests."""
        if self._looking is None or self._looking.ready():
            self._looking = gevent.spawn(self.look_up)
        looking = self._looking
        gevent.wait([self._found, looking], timeout=terms.timeouts.connect, count=1)
        if not self.instances and not looking.ready():
            raise UpstreamTimeout(f"The {self.route.name} service was not found in time")
        if not self.instances:
            raise UpstreamUnreachable(f"The {self.route.name} service cannot be found")

    def look_up(self) -> None:
        """Resolve the service's names and have the instances that they stand for now."""
        discovery = self.discovery
        if discovery.refresh() and discovery is self.discovery:
            self.settle()

    def _again(self, request: Request, terms: Terms, failure: Failed) -> Answer:
        """Send it a second time, to another instance where there is one; raises Failed."""
        if not _may_send_again(request, failure) or time.monotonic() >= terms.ends:
            raise failure
        instance = self._balance.another(failure.instance)
        if instance is None and failure.fault is Fault.RESET:
            # As a service does that closes an idle connection while the request is on its way
            # (RFC 9112 section 9.3.1).
            instance = failure.instance
        if instance is None or not self.budget.spend():
            raise failure
        failure.instance.retries += 1
        return instance.exchange(request, terms, fresh=True)

    def _refusal(self, error: Failed | Overdue) -> ServiceError:
        name = self.route.name
        if isinstance(error, Overdue) or error.fault is Fault.TIMEOUT:
            return UpstreamTimeout(f"The {name} service did not answer in time")
        if error.fault is Fault.CONNECT_TIMEOUT:
            return UpstreamTimeout(f"The {name} service did not accept a connection in time")
        if error.fault is not Fault.REFUSED:
            return BadUpstreamAnswer(f"The answer of the {name} service could not be used")
        if self._balance.none_fit:
            return NoHealthyInstance(_nobody(name))
        return UpstreamUnreachable(f"The {name} service cannot be reached")

    def snapshot(self) -> dict[str, Any]:
        """Return the numbers of now and the counts since the start."""
        return {
            "in_flight": self._load.in_flight,
            "max_in_flight": self.route.max_in_flight,
            "refused": self.refused,
            "instances": [instance.snapshot() for instance in self.instances],
        }


def _nobody(name: str) -> str:
    return f"No instance of the {name} service is healthy"


def _may_send_again(request: Request, failure: Failed) -> bool:
    """Tell whether a second try is safe (RFC 9110 section 9.2.2).

    It is where nothing was sent, or where the request is repeatable and the connection ended
    without a byte of an answer. After a time-out the service may still be at work.
    """
    if not failure.sent:
        return True
    return failure.fault is Fault.RESET and request.repeatable
