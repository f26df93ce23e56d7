"""The bearer token, checked at the edge; services verify it again themselves."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from api_gateway.errors import AnswerCut, TokenMissing
from api_gateway.routes import Timeouts
from api_gateway.upstreams.instance import Request
from chassis.exceptions import ServiceError, Unauthorized
from chassis.tokens import Jwks, KeySet, verify_token

JWKS_PATH = "/.well-known/jwks.json"
_JWKS_TIMEOUTS = Timeouts(connect=1.0, read=2.0, total=2.0)
_CACHED_TOKENS = 4096
_CACHED_LENGTH = 4096

_TOKEN = re.compile(r"[A-Za-z0-9._:@-]+")

Claims = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a verified token. fields: the header lines that tell a service of it."""

    user: str
    roles: frozenset[str]
    claims: Claims
    fields: str


class TokenCheck:
    """Verifies access tokens, each only once: RSA would cost more than the rest of a request."""

    def __init__(self, keys: KeySet, *, issuer: str, audience: str) -> None:
        self.denied: Callable[[str, str, int], bool] = lambda jti, subject, issued_ms: False
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._verified: dict[str, Caller] = {}

    def caller(self, authorization: str | None) -> Caller:
        """Return whose token is in an Authorization header.

        Raises TokenMissing, Unauthorized (`token_expired`, `token_invalid`), ServiceUnavailable
        without keys.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise TokenMissing("This needs an access token: Authorization: Bearer ...")
        known = self._verified.get(token)
        if known is not None and known.claims["exp"] > time.time():
            return known
        claims = verify_token(token, self._keys, issuer=self._issuer, audience=self._audience)
        issued_ms = int(claims.get("iat_ms") or claims["iat"] * 1000)
        if self.denied(str(claims["jti"]), str(claims["sub"]), issued_ms):
            raise Unauthorized("The token was revoked", code="token_revoked")
        caller = _caller(claims)
        if len(self._verified) >= _CACHED_TOKENS:
            # Emptied whole: cheaper than an order of use, and it costs each token one check more.
            self._verified.clear()
        if len(token) <= _CACHED_LENGTH:
            self._verified[token] = caller
        return caller

    def forget(self, revoked: set[str]) -> None:
        """Verify tokens anew that are named as `jti:ID` or `sub:ID`."""
        for token, caller in list(self._verified.items()):
            if f"jti:{caller.claims['jti']}" in revoked or f"sub:{caller.user}" in revoked:
                del self._verified[token]

    def caller_if_valid(self, authorization: str | None) -> Caller | None:
        """Return whose valid token it is, None without one."""
        try:
            return self.caller(authorization)
        except ServiceError:
            return None


def _caller(claims: Claims) -> Caller:
    user, listed = str(claims["sub"]), claims.get("roles")
    roles = [role for role in listed if isinstance(role, str)] if isinstance(listed, list) else []
    # A claim that could end a header line is left out; the service reads the token itself anyway.
    lines = [
        f"{name}: {','.join(values)}\r\n"
        for name, values in (("X-User-Id", [user]), ("X-User-Roles", roles))
        if values and all(_TOKEN.fullmatch(value) for value in values)
    ]
    return Caller(user, frozenset(roles), claims, "".join(lines))


def jwks_of(app: Any) -> Callable[[], Jwks]:
    """Return a loader of the key set from whichever service the gateway's table gives it to."""

    def load() -> Jwks:
        route = app.table.match(JWKS_PATH)
        if route is None:
            raise ValueError("no service publishes a key set")
        request = Request("GET", JWKS_PATH, ["Accept: application/json\r\n"])
        try:
            answer = app.upstreams[route.name].ask(request, timeouts=_JWKS_TIMEOUTS)
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
