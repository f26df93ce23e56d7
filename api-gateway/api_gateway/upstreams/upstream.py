"""A service as the gateway asks it: its instances, and what their failures mean."""

import itertools
from collections.abc import Callable

from api_gateway.errors import BadUpstreamAnswer, UpstreamTimeout, UpstreamUnreachable
from api_gateway.routes import Route, Timeouts
from api_gateway.upstreams.answer import Answer, Disconnected
from api_gateway.upstreams.connection import Patience, never
from api_gateway.upstreams.framing import BadFraming
from api_gateway.upstreams.instance import Instance, Request, Unreachable


class Upstream:
    """All instances of one service, asked in turn."""

    def __init__(self, route: Route) -> None:
        self.route = route
        self.instances = [Instance(address, route.timeouts.connect) for address in route.addresses]
        self._turn = itertools.cycle(range(len(self.instances)))

    def _in_turn(self) -> list[Instance]:
        if len(self.instances) == 1:
            return self.instances
        first = next(self._turn)
        order = self.instances[first:] + self.instances[:first]
        # Stable: those that just refused come last, and are still asked when no other is left.
        return sorted(order, key=lambda instance: instance.resting)

    def ask(
        self,
        request: Request,
        client_gone: Callable[[], bool] = never,
        timeouts: Timeouts | None = None,
    ) -> Answer:
        """Send `request` to an instance and return the answer with its head read.

        timeouts: where they differ from the route's.
        Where no connection comes about, the next instance is tried: nothing was sent. Else a
        request is sent again once at most, see `_exchange`. Raises UpstreamUnreachable,
        UpstreamTimeout, BadUpstreamAnswer, ClientGone.
        """
        patience = Patience((timeouts or self.route.timeouts).read, client_gone)
        name, failure = self.route.name, Unreachable(timed_out=False)
        try:
            for instance in self._in_turn():
                try:
                    return _exchange(instance, request, patience)
                except Unreachable as error:
                    failure = error
        except TimeoutError as error:
            raise UpstreamTimeout(f"The {name} service did not answer in time") from error
        except (Disconnected, BadFraming, OSError) as error:
            raise BadUpstreamAnswer(
                f"The answer of the {name} service could not be used"
            ) from error
        if failure.timed_out:
            raise UpstreamTimeout(
                f"The {name} service did not accept a connection in time"
            ) from failure
        raise UpstreamUnreachable(f"The {name} service cannot be reached") from failure


def _exchange(instance: Instance, request: Request, patience: Patience) -> Answer:
    """Exchange once, or twice where an idle connection turns out to be closed.

    The service may close an idle connection while the request is on its way (RFC 9112 section
    9.3.1). Without a byte of an answer an idempotent request is sent again, over a new one.
    """
    connection = instance.checkout()
    reused = connection.reused
    try:
        return instance.exchange(connection, request, patience)
    except Disconnected:
        if not (reused and request.repeatable):
            raise
    return instance.exchange(instance.connect(), request, patience)
