"""Which instance gets the next request."""

import random
from collections.abc import Callable, Sequence

from api_gateway.upstreams.instance import Instance


def better_of_two(
    instances: Sequence[Instance], draw: Callable[[], float] = random.random
) -> Instance:
    """Return the less busy one of two that are drawn at random.

    Unlike the least busy of all, it does not send everybody to the same one at once, such as to an
    instance that is fast because it refuses everything.
    """
    number = len(instances)
    if number == 1:
        return instances[0]
    first = int(draw() * number)
    second = int(draw() * (number - 1))
    one, other = instances[first], instances[second + (second >= first)]
    return one if one.in_flight <= other.in_flight else other


class Balance:
    """The instances of one service. cap: how many requests the service may have at one time."""

    def __init__(self, cap: int) -> None:
        self.cap = cap
        self.instances: list[Instance] = []
        self._fit: list[Instance] = []
        self._unfit: list[Instance] = []

    def use(self, instances: list[Instance]) -> None:
        """Choose among these from now on."""
        self.instances = instances
        self.sort()

    def sort(self) -> None:
        """Take notice that the standing of an instance changed."""
        self._fit = [instance for instance in self.instances if instance.standing.fit]
        self._unfit = [instance for instance in self.instances if not instance.standing.fit]

    @property
    def none_fit(self) -> bool:
        """Tell whether every instance is out, or on its way back at best."""
        return not self._fit

    def choose(self) -> Instance | None:
        """Return an instance for a new request, None where all are out and none may be tried.

        When all are out they are tried all the same: probes can be wrong, and a service that is
        believed dead stays dead.
        """
        if not self._unfit and self._fit:
            return better_of_two(self._fit)
        admitted = [one for one in self._unfit if one.standing.admits()]
        if self._fit or admitted:
            return better_of_two(self._fit + admitted)
        for one in sorted(self._unfit, key=_hope):
            if one.standing.may_try(one.in_flight, self.cap):
                return one
        return None

    def another(self, than: Instance) -> Instance | None:
        """Return an instance for a request that failed at one of them; the least suspect one."""
        others = [one for one in self.instances if one is not than and one.standing.fit]
        others = others or [one for one in self._unfit if one is not than and one.standing.admits()]
        if not others:
            return None
        return min(others, key=lambda one: (len(one.standing.breaker.failures), one.in_flight))


def _hope(instance: Instance) -> tuple[bool, int, float]:
    return instance.standing.silent, instance.in_flight, random.random()
