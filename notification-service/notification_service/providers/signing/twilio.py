"""The signature on Twilio's webhooks; requests to Twilio only carry Basic authentication.

Source: Twilio, "Webhooks security: validating requests", and `RequestValidator` of its library.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit, urlunsplit

_HASHES = {"HMAC_SHA1": hashlib.sha1, "HMAC_SHA256": hashlib.sha256}
_PORTS = {"https": 443, "http": 80}


def signature(
    secret: str, url: str, form: Mapping[str, Sequence[str]], algorithm: str = "HMAC_SHA1"
) -> str:
    """Return the signature of a form posted to `url`: its values by name, each value once."""
    text = url + "".join(name + value for name in sorted(form) for value in sorted(set(form[name])))
    mac = hmac.new(secret.encode(), text.encode(), _HASHES[algorithm])
    return base64.b64encode(mac.digest()).decode()


def matches(
    given: str,
    secret: str,
    url: str,
    form: Mapping[str, Sequence[str]],
    algorithm: str = "HMAC_SHA1",
) -> bool:
    """Tell whether `given` signs the form; Twilio may have signed the URL with its port or without.

    An unknown algorithm never matches.
    """
    if algorithm not in _HASHES:
        return False
    return any(
        hmac.compare_digest(given.encode(), signature(secret, one, form, algorithm).encode())
        for one in _with_and_without_port(url)
    )


def _with_and_without_port(url: str) -> list[str]:
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or _PORTS.get(parts.scheme, 443)
    return [urlunsplit(parts._replace(netloc=netloc)) for netloc in (host, f"{host}:{port}")]
