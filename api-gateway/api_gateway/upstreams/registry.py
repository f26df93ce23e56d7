"""All services as the gateway asks them, by name; follows the route table."""

from collections.abc import Iterator, Mapping
from typing import Any

from api_gateway.routes import RouteTable
from api_gateway.upstreams.upstream import Upstream


class Upstreams(Mapping[str, Upstream]):
    """The upstream of each service of the route table."""

    def __init__(self, table: RouteTable) -> None:
        self._upstreams: dict[str, Upstream] = {}
        self.apply(table)

    def apply(self, table: RouteTable) -> None:
        """Follow another table: what did not change keeps its connections and its state."""
        known = self._upstreams
        self._upstreams = {
            name: known[name] if name in known and known[name].route == route else Upstream(route)
            for name, route in table.routes.items()
        }

    def start(self) -> None:
        """Begin to look after the instances; to be called in the process that serves."""

    def snapshot(self) -> dict[str, dict[str, Any]]:
        """Return the numbers of each service and its instances."""
        return {}

    def __getitem__(self, name: str) -> Upstream:
        return self._upstreams[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._upstreams)

    def __len__(self) -> int:
        return len(self._upstreams)
