"""One HTTP exchange with a provider, and what is certain when it fails.

The message may have been accepted as soon as the request could have left: from then on every
failure is `UNKNOWN`. Connections are kept; urllib3 sees those that were closed meanwhile.
"""

import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

import orjson
import requests
import urllib3
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError

from chassis import http_pool
from notification_service.providers.port import ErrorClass, ProviderError, Submitted

_LARGEST_ANSWER = 1024 * 1024
_CHUNK_BYTES = 65_536


@dataclass(frozen=True)
class Answer:
    """What came back. body: whole; nothing is known yet of what it says."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """Return the body's object; empty where it is none, such as a proxy's page."""
        try:
            found = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return {}
        return found if isinstance(found, dict) else {}

    def error(self) -> ProviderError:
        """Return the error for an answer that holds no code of the provider's."""
        code = f"http_{self.status}"
        match self.status:
            case 429:
                return ProviderError(
                    ErrorClass.THROTTLED_ACCOUNT, code, retry_after=self.retry_after()
                )
            case 503:
                # The one 5xx that says that nothing was done (RFC 9110, section 15.6.4).
                return ProviderError(ErrorClass.RETRYABLE, code, retry_after=self.retry_after())
            case status if status < 300:
                return ProviderError(ErrorClass.UNKNOWN, "malformed_answer")
            case status if status < 500:
                return ProviderError(ErrorClass.CONFIGURATION, code)
        return ProviderError(ErrorClass.UNKNOWN, code)

    def retry_after(self) -> float | None:
        """Return the seconds of `Retry-After`, None where it holds none."""
        text = self.headers.get("Retry-After", "")
        return float(text) if text.isascii() and text.isdigit() else None


@dataclass(frozen=True)
class Endpoint:
    """Where a provider is. url: without path. connect, read: seconds, in sum for the whole."""

    url: str
    connect: float = 3.0
    read: float = 10.0

    @classmethod
    def from_settings(cls, settings: Mapping[str, str], url: str) -> Self:
        """Make it for `url`, with the time-outs of all providers; raises ValueError."""
        parts = urlsplit(url)
        whole = parts.path.rstrip("/") or parts.query or parts.username
        if parts.scheme not in ("http", "https") or not parts.hostname or whole:
            raise ValueError("an endpoint must be an http or https URL without path")
        return cls(
            f"{parts.scheme}://{parts.netloc}",
            float(settings.get("SMS_CONNECT_TIMEOUT") or cls.connect),
            float(settings.get("SMS_READ_TIMEOUT") or cls.read),
        )

    @property
    def host(self) -> str:
        """The `Host` that goes over the wire, which signatures cover."""
        parts = urlsplit(self.url)
        default = {"http": 80, "https": 443}[parts.scheme]
        return parts.netloc.removesuffix(f":{default}")

    def send(
        self,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        credentials: tuple[str, str] | None = None,
    ) -> Answer:
        """Make one request, following no redirect, and return the answer whatever its status.

        target: path and query, encoded. credentials: for Basic authentication. Raises ProviderError
        without the request in it or in what caused it: URL and headers hold numbers and secrets.
        """
        deadline = time.monotonic() + self.connect + self.read
        try:
            response = http_pool.session().request(
                method,
                self.url + target,
                headers={"Accept": "application/json", **(headers or {})},
                data=body,
                auth=credentials,
                timeout=(self.connect, self.read),
                allow_redirects=False,
                stream=True,
            )
            with response:
                return Answer(response.status_code, response.headers, _read(response, deadline))
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise _what_is_certain(error) from None


def text_of(body: Mapping[str, Any], name: str) -> str:
    """Return a field of an answer as text, empty where it is missing or none."""
    value = body.get(name)
    return str(value) if isinstance(value, str | int | float) else ""


def accepted(provider_id: str, segments: str) -> Submitted:
    """Return what was submitted; raises ProviderError (UNKNOWN) where the answer names no id."""
    if not provider_id:
        raise ProviderError(ErrorClass.UNKNOWN, "malformed_answer")
    # A number that is not counted yet is 0 or missing.
    counted = segments.isdecimal() and int(segments) > 0
    return Submitted(provider_id, int(segments) if counted else None)


def rows_of(body: Mapping[str, Any], *path: str) -> list[dict[str, Any]]:
    """Return the objects of the list at `path` within an answer; empty where there is none."""
    found: Any = body
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def _read(response: requests.Response, deadline: float) -> bytes:
    # The time-out is one of each read; a body that drips in is ended by the deadline.
    body = b""
    while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=True):
        body += chunk
        if len(body) > _LARGEST_ANSWER or time.monotonic() > deadline:
            raise requests.Timeout
    return body


def _what_is_certain(error: Exception) -> ProviderError:
    cause = error.args[0] if error.args else None
    reason = cause.reason if isinstance(cause, MaxRetryError) else None
    if isinstance(reason, NewConnectionError | ConnectTimeoutError):
        return ProviderError(ErrorClass.RETRYABLE, "connection", "cannot be reached")
    if any(isinstance(one, ssl.SSLCertVerificationError) for one in getattr(reason, "args", ())):
        return ProviderError(ErrorClass.CONFIGURATION, "certificate", "certificate not valid")
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError | TimeoutError):
        return ProviderError(ErrorClass.UNKNOWN, "timeout", "no answer in time")
    return ProviderError(ErrorClass.UNKNOWN, "connection_lost", "the answer was lost")
