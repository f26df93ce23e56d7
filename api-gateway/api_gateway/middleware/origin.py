"""Where a request comes from: the peer, or what a trusted proxy in front says of its own peer."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, NamedTuple

# Addresses that are not out on the internet (RFC 1918, RFC 4193, loopback).
PRIVATE = ("127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
_SCHEMES = ("http", "https")
# The addresses that one customer of a provider has are one caller (RFC 6177).
_IPV6_CALLER_BITS = 64


class Origin(NamedTuple):
    """address: of the client. caller: what counts as one caller. host: as a proxy was asked for."""

    address: str
    caller: str
    scheme: str
    host: str | None


class Networks:
    """A set of networks in CIDR notation; raises ValueError for what is none."""

    def __init__(self, texts: tuple[str, ...]) -> None:
        self._networks = tuple(ip_network(text) for text in texts)
        self.contain = lru_cache(4096)(self._contain)

    def __bool__(self) -> bool:
        return bool(self._networks)

    def _contain(self, address: str) -> bool:
        parsed = _parse(address)
        return parsed is not None and any(parsed in network for network in self._networks)


class Origins:
    """Tells the origin of requests. trusted: the proxies whose forwarding headers are believed."""

    def __init__(self, trusted: Networks) -> None:
        self._trusted = trusted

    def of(self, environ: dict[str, Any]) -> Origin:
        """Return where a request comes from."""
        peer = environ.get("REMOTE_ADDR") or "unknown"
        scheme = environ["wsgi.url_scheme"]
        if not self._trusted or not self._trusted.contain(peer):
            return _direct(peer, scheme)
        address = self._first_untrusted(peer, environ.get("HTTP_X_FORWARDED_FOR") or "")
        said = (environ.get("HTTP_X_FORWARDED_PROTO") or "").strip().lower()
        host = environ.get("HTTP_X_FORWARDED_HOST")
        return Origin(address, _caller(address), said if said in _SCHEMES else scheme, host)

    def _first_untrusted(self, peer: str, forwarded: str) -> str:
        # From the right: each proxy appends its peer, and only the trusted ones tell the truth.
        address = peer
        for hop in reversed([part.strip() for part in forwarded.split(",")]):
            if _parse(hop) is None:
                break
            address = hop
            if not self._trusted.contain(hop):
                break
        return address


def _parse(address: str) -> IPv4Address | IPv6Address | None:
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed


@lru_cache(4096)
def _direct(peer: str, scheme: str) -> Origin:
    return Origin(peer, _caller(peer), scheme, None)


@lru_cache(4096)
def _caller(address: str) -> str:
    parsed = _parse(address)
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((parsed, _IPV6_CALLER_BITS), strict=False))
    return address if parsed is None else str(parsed)
