"""Verification of access tokens with the public keys that user-service publishes.

Knows neither Flask nor the database, so that the gateway can use it too. Source: RFC 7519,
RFC 7517, RFC 8725 (JWT best current practices).
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import jwt
import requests
from jwt.algorithms import RSAAlgorithm

from chassis import http_pool
from chassis.exceptions import ServiceUnavailable, Unauthorized

ALGORITHM = "RS256"
REQUIRED_CLAIMS = ("exp", "iat", "sub", "aud", "iss", "jti")
# Far more than any access token lives: a stolen key could otherwise sign one that never ends.
MAX_LIFETIME_SECONDS = 24 * 3600
_REFRESH_SECONDS = 300.0
_UNKNOWN_KID_SECONDS = 30.0
# What parsing a document of the wrong shape raises.
_MALFORMED = (ValueError, KeyError, TypeError, AttributeError, jwt.PyJWTError)

logger = logging.getLogger(__name__)

Jwks = Mapping[str, Any]


def fetch_jwks(url: str) -> Callable[[], Jwks]:
    """Return a loader of the key set at `url`; it waits at most 1 s to connect and 2 s to read."""

    def load() -> Jwks:
        response = http_pool.session().get(url, timeout=(1.0, 2.0), allow_redirects=False)
        response.raise_for_status()
        document: Jwks = response.json()
        return document

    return load


class KeySet:
    """The public keys by key id, fetched when needed and kept while the publisher is away.

    Fetched again every 5 minutes, and at most every 30 s because of an unknown `kid`.
    """

    def __init__(
        self, load: Callable[[], Jwks], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._load = load
        self._monotonic = monotonic
        self._keys: dict[str, Any] = {}
        self._loaded_at = float("-inf")
        self._tried_at = float("-inf")
        self._lock = threading.Lock()

    def key(self, kid: object) -> Any:
        """Return the public key of `kid`.

        Raises Unauthorized for an unknown `kid`, ServiceUnavailable when no key was ever got.
        """
        if not isinstance(kid, str) or len(kid) > 128:
            raise Unauthorized("The token has no usable key id", code="token_invalid")
        stale = self._monotonic() - self._loaded_at > _REFRESH_SECONDS
        if stale or kid not in self._keys:
            self._refresh(kid)
        if kid in self._keys:
            return self._keys[kid]
        if not self._keys:
            raise ServiceUnavailable(
                "The keys to verify tokens with are not available", code="jwks_unavailable"
            )
        raise Unauthorized("The token was signed with an unknown key", code="token_invalid")

    def _refresh(self, wanted: str) -> None:
        # Who has a key does not wait for a publisher that hangs; one thread at a time asks it.
        if not self._lock.acquire(blocking=wanted not in self._keys):
            return
        try:
            now = self._monotonic()
            if wanted in self._keys and now - self._loaded_at <= _REFRESH_SECONDS:
                return  # Another thread was faster.
            # Until the first success every second counts; later an unknown kid may be an attack.
            pause = _UNKNOWN_KID_SECONDS if self._keys else 1.0
            if now - self._tried_at < pause:
                return
            self._tried_at = now
            # The keys that we have stay good: rotation publishes long before it signs.
            self._keys = _parse(self._load()) or self._keys
            self._loaded_at = now
        except (requests.RequestException, *_MALFORMED) as error:
            logger.warning("key set not refreshed", extra={"cause": type(error).__name__})
        finally:
            self._lock.release()


def _parse(document: Jwks) -> dict[str, Any]:
    return {
        str(entry["kid"]): RSAAlgorithm.from_jwk(entry)
        for entry in document["keys"]
        if entry.get("kty") == "RSA" and entry.get("use", "sig") == "sig"
    }


def check_claims(claims: Mapping[str, Any]) -> bool:
    """Tell whether all required claims are there and the token's life is a sane one."""
    # Not `in`: Flask-JWT-Extended gives a token without `jti` one that is None.
    if any(claims.get(name) is None for name in REQUIRED_CLAIMS):
        return False
    # Flask-JWT-Extended's word for what a token is good for: a refresh token opens nothing.
    if claims.get("type", "access") != "access":
        return False
    expiry, issued = claims["exp"], claims["iat"]
    if not all(type(value) is int for value in (expiry, issued, claims.get("iat_ms", 0))):
        return False
    return 0 < int(expiry) - int(issued) <= MAX_LIFETIME_SECONDS


def verify_token(token: str, keys: KeySet, *, issuer: str, audience: str) -> dict[str, Any]:
    """Return the claims of a valid access token.

    Raises Unauthorized (`token_expired` or `token_invalid`), ServiceUnavailable without keys.
    """
    try:
        header = jwt.get_unverified_header(token)
        if header.get("alg") != ALGORITHM:
            raise Unauthorized("The token is signed with another algorithm", code="token_invalid")
        claims: dict[str, Any] = jwt.decode(
            token,
            keys.key(header.get("kid")),
            algorithms=[ALGORITHM],
            audience=audience,
            issuer=issuer,
            options={"require": list(REQUIRED_CLAIMS)},
        )
    except jwt.ExpiredSignatureError as error:
        raise Unauthorized("The token has expired", code="token_expired") from error
    except jwt.PyJWTError as error:
        raise Unauthorized("The token is not valid", code="token_invalid") from error
    if not check_claims(claims):
        raise Unauthorized("The token is not valid", code="token_invalid")
    return claims
