"""The bearer token, checked at the edge; services verify it again themselves."""

import time
from collections.abc import Callable
from typing import Any

import orjson

from api_gateway.errors import AnswerCut, TokenMissing
from api_gateway.upstreams.instance import Request
from api_gateway.upstreams.upstream import Upstream
from chassis.exceptions import ServiceError
from chassis.tokens import Jwks, KeySet, verify_token

JWKS_PATH = "/.well-known/jwks.json"
_JWKS_SECONDS = 2.0
_CACHED_TOKENS = 4096
_CACHED_LENGTH = 4096

Claims = dict[str, Any]


class TokenCheck:
    """Verifies access tokens, each only once: RSA would cost more than the rest of a request."""

    def __init__(self, keys: KeySet, *, issuer: str, audience: str) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._verified: dict[str, Claims] = {}

    def claims(self, authorization: str | None) -> Claims:
        """Return the claims of the token in an Authorization header.

        Raises TokenMissing, Unauthorized (`token_expired`, `token_invalid`), ServiceUnavailable
        without keys.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise TokenMissing("This needs an access token: Authorization: Bearer ...")
        known = self._verified.get(token)
        if known is not None and known["exp"] > time.time():
            return known
        claims = verify_token(token, self._keys, issuer=self._issuer, audience=self._audience)
        if len(self._verified) >= _CACHED_TOKENS:
            # Emptied whole: cheaper than an order of use, and it costs each token one check more.
            self._verified.clear()
        if len(token) <= _CACHED_LENGTH:
            self._verified[token] = claims
        return claims


def jwks_of(upstream: Upstream) -> Callable[[], Jwks]:
    """Return a loader of the key set that the users service publishes, from any instance."""

    def load() -> Jwks:
        request = Request("GET", JWKS_PATH, ["Accept: application/json\r\n"])
        try:
            answer = upstream.ask(request, timeout=_JWKS_SECONDS)
            try:
                body = b"".join(answer)
            finally:
                answer.close()
        except (ServiceError, AnswerCut) as error:
            raise ValueError("the key set cannot be read") from error
        if answer.status != 200:
            raise ValueError(f"the key set was answered with {answer.status}")
        document: Jwks = orjson.loads(body)
        return document

    return load
