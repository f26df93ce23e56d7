"""From configured addresses to endpoints: names stand for all their IP addresses."""

import ipaddress
import socket
from collections.abc import Callable, Iterable

from gevent import socket as gevent_socket

from api_gateway.routes import Address
from api_gateway.upstreams.instance import Endpoint

Lookup = Callable[[str, int], Iterable[tuple[int, str]]]


def look_up(host: str, port: int) -> list[tuple[int, str]]:
    """Return the family and IP address of everything a name stands for; raises OSError.

    Of a name with both kinds only the IPv4 addresses: a service that listens on one kind, and a
    name such as `localhost` with both, is the usual case, and half its instances would be dead.
    """
    found = gevent_socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    pairs = [(int(family), str(sockaddr[0])) for family, _, _, _, sockaddr in found]
    return [pair for pair in pairs if pair[0] == socket.AF_INET] or pairs


class Discovery:
    """The endpoints of one service. lookup: as `look_up`."""

    def __init__(self, addresses: tuple[Address, ...], lookup: Lookup = look_up) -> None:
        self.addresses = addresses
        self._lookup = lookup
        # Whether every name was asked for once.
        self.tried = False
        self._known: dict[Address, tuple[Endpoint, ...]] = {}
        for address in addresses:
            literal = _literal(address)
            if literal is not None:
                self._known[address] = (literal,)
        self.names = tuple(address for address in addresses if address not in self._known)

    def keep(self, before: "Discovery") -> None:
        """Begin with what is known of names that were there before."""
        for address in self.names:
            if address in before._known:
                self._known[address] = before._known[address]

    def refresh(self) -> bool:
        """Ask for every name again and tell whether something changed; waits for the answers.

        Where a name does not resolve now, its last known endpoints stay: DNS may be away when the
        service is not.
        """
        before = self.endpoints
        for address in self.names:
            try:
                pairs = sorted(set(self._lookup(address.host, address.port)))
            except OSError:
                continue
            if pairs:
                self._known[address] = tuple(Endpoint(address, *pair) for pair in pairs)
        self.tried = True
        return self.endpoints != before

    @property
    def endpoints(self) -> list[Endpoint]:
        """Return what is known now, each endpoint once, in the order of the configuration."""
        found = [one for address in self.addresses for one in self._known.get(address, ())]
        return list(dict.fromkeys(found))


def _literal(address: Address) -> Endpoint | None:
    try:
        ip = ipaddress.ip_address(address.host.strip("[]"))
    except ValueError:
        return None
    family = socket.AF_INET if ip.version == 4 else socket.AF_INET6
    return Endpoint(address, family, str(ip))
