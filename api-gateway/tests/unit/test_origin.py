"""Whose forwarding headers are believed."""

import pytest

from api_gateway.config import Config
from api_gateway.middleware.origin import Networks, Origin, Origins
from chassis.config import ConfigError


def origin(peer: str, trusted: tuple[str, ...] = (), **headers: str) -> Origin:
    environ = {"REMOTE_ADDR": peer, "wsgi.url_scheme": "http"}
    environ |= {f"HTTP_X_FORWARDED_{name.upper()}": value for name, value in headers.items()}
    return Origins(Networks(trusted)).of(environ)


def test_nobody_is_believed_unless_configured() -> None:
    found = origin("10.0.0.9", **{"for": "1.2.3.4"}, proto="https", host="evil.example")
    assert found == Origin("10.0.0.9", "10.0.0.9", "http", None)


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        # What stands left of the first untrusted address is anybody's invention.
        ("1.1.1.1, 203.0.113.7", "203.0.113.7"),
        ("1.1.1.1, 203.0.113.7, 10.2.3.4", "203.0.113.7"),
        ("10.9.9.9, 10.2.3.4", "10.9.9.9"),
        ("203.0.113.7, unknown", "10.0.0.9"),
        ("203.0.113.7, 10.2.3.4:99", "10.0.0.9"),
        ("", "10.0.0.9"),
        ("2001:db8::7", "2001:db8::7"),
    ],
)
def test_client_is_the_first_untrusted_address_from_the_right(forwarded: str, address: str) -> None:
    assert origin("10.0.0.9", ("10.0.0.0/8",), **{"for": forwarded}).address == address


def test_trusted_proxy_tells_scheme_and_host() -> None:
    headers = {"for": "203.0.113.7", "proto": "HTTPS", "host": "shop.example"}
    found = origin("::ffff:10.0.0.9", ("10.0.0.0/8",), **headers)
    assert found == Origin("203.0.113.7", "203.0.113.7", "https", "shop.example")
    assert origin("10.0.0.9", ("10.0.0.0/8",), proto="gopher").scheme == "http"


def test_networks_that_are_none_are_named_at_the_start() -> None:
    with pytest.raises(ConfigError, match=r"TRUSTED_PROXIES: 10\.0\.0\.1/8 has host bits set"):
        Config.from_env({"TRUSTED_PROXIES": "10.0.0.1/8"})
