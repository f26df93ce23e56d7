"""What goes on beside a service's requests: its instances are probed, its names resolved again."""

import random
from collections.abc import Callable, Iterable

import gevent

from api_gateway.upstreams.instance import Instance
from api_gateway.upstreams.probing import Prober

_RESOLVE_SECONDS = 5.0


class Upkeep:
    """One service's; does nothing until it is started. look_up: resolves the names, may wait."""

    def __init__(self, look_up: Callable[[], None]) -> None:
        self._look_up = look_up
        self._running = False
        self._probers: dict[Instance, Prober] = {}
        self._resolving: gevent.Greenlet | None = None

    def start(self, instances: Iterable[Instance], named: bool) -> None:
        """Begin; see `tend`."""
        self._running = True
        self.tend(instances, named)

    def tend(self, instances: Iterable[Instance], named: bool) -> None:
        """Probe exactly these instances from now on. named: whether there are names to resolve."""
        if not self._running:
            return
        before, self._probers = self._probers, {}
        for one in instances:
            self._probers[one] = before.pop(one) if one in before else Prober(one)
        for prober in before.values():
            prober.stop()
        if named and self._resolving is None:
            self._resolving = gevent.spawn(self._resolve)

    def _resolve(self) -> None:
        while True:
            self._look_up()
            gevent.sleep(_RESOLVE_SECONDS * (0.8 + 0.4 * random.random()))

    def stop(self) -> None:
        """End all of it without waiting."""
        self._running = False
        for prober in self._probers.values():
            prober.stop()
        self._probers = {}
        if self._resolving is not None:
            self._resolving.kill(block=False)
            self._resolving = None

    def wait_until_known(self, seconds: float) -> None:
        """Return when every instance was probed once, after `seconds` at the latest."""
        outstanding = [one.known for one in self._probers.values() if not one.known.is_set()]
        if outstanding:
            gevent.wait(outstanding, timeout=seconds)
