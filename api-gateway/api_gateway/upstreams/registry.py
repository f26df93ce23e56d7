"""The upstreams of the present route table."""

from collections.abc import Iterator, Mapping
from typing import Any

from api_gateway.routes import RouteTable
from api_gateway.upstreams.upstream import Upstream


class Upstreams(Mapping[str, Upstream]):
    """One for each service, by its name; opens no connection until it is started or asked."""

    def __init__(self, table: RouteTable) -> None:
        self._upstreams: dict[str, Upstream] = {}
        self._running = False
        self.apply(table)

    def apply(self, table: RouteTable) -> None:
        """Follow another route table.

        What stays keeps its connections, its breakers and what is known of its health; of what is
        gone idle connections close and running requests end as they began. Nothing here waits, so
        that no request sees one half of it.
        """
        before = self._upstreams
        self._upstreams = {}
        for name, route in table.routes.items():
            upstream = before.pop(name, None)
            if upstream is None:
                upstream = Upstream(route)
                if self._running:
                    upstream.start()
            elif upstream.route != route:
                upstream.update(route)
            self._upstreams[name] = upstream
        for upstream in before.values():
            upstream.retire()

    def start(self) -> None:
        """Begin to probe and to resolve names; in the process that serves, after its fork."""
        self._running = True
        for upstream in self._upstreams.values():
            upstream.start()

    def stop(self) -> None:
        """End that, and close idle connections."""
        self._running = False
        for upstream in self._upstreams.values():
            upstream.retire()

    def snapshot(self) -> dict[str, dict[str, Any]]:
        """Return the numbers of every service; see `Upstream.snapshot`."""
        return {name: upstream.snapshot() for name, upstream in self._upstreams.items()}

    def __getitem__(self, name: str) -> Upstream:
        return self._upstreams[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._upstreams)

    def __len__(self) -> int:
        return len(self._upstreams)
