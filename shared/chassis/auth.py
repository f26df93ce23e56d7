"""Who calls: verified with the published keys in every service, behind the gateway too.

Every view carries exactly one of `public`, `login_required` and `roles_required`; an architecture
test lists them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast
from uuid import UUID

from flask import Flask, current_app, g, request
from flask_jwt_extended import JWTManager, get_jwt, verify_jwt_in_request

from chassis.config import ServiceConfig
from chassis.denylist import current_denylist
from chassis.errors import error_response
from chassis.exceptions import Forbidden, Unauthorized
from chassis.openapi.refusals import BAD_TOKEN, LOGIN, ROLE, Refusal, note
from chassis.openapi.responses import SECURITY_SCHEME
from chassis.tokens import ALGORITHM, KeySet, check_claims

P = ParamSpec("P")
R = TypeVar("R")

RULE = "auth_rule"
KEY_SET = "chassis.key_set"
_SCHEME: dict[str, list[str]] = {SECURITY_SCHEME: []}


@dataclass(frozen=True)
class Principal:
    """The verified caller of this request. token: the encoded access token, to pass on."""

    user_id: UUID
    roles: frozenset[str]
    session_id: str
    token_id: str
    expires_at: int
    token: str

    @property
    def is_staff(self) -> bool:
        """Tell whether the caller works here: role staff or admin."""
        return bool(self.roles & {"staff", "admin"})


def init_app(app: Flask, config: ServiceConfig, keys: KeySet) -> None:
    """Set up Flask-JWT-Extended: RS256 only, issuer, audience, expiry and denylist checked."""
    app.config.update(
        JWT_ALGORITHM=ALGORITHM,
        JWT_DECODE_ALGORITHMS=[ALGORITHM],
        JWT_ENCODE_ISSUER=config.jwt_issuer,
        JWT_DECODE_ISSUER=config.jwt_issuer,
        JWT_ENCODE_AUDIENCE=config.jwt_audience,
        JWT_DECODE_AUDIENCE=config.jwt_audience,
        JWT_TOKEN_LOCATION=["headers"],
        JWT_ACCESS_TOKEN_EXPIRES=timedelta(minutes=15),
        # Not used with RS256, but the extension insists on it in some paths.
        JWT_SECRET_KEY=config.secret_key,
    )
    app.extensions[KEY_SET] = keys
    manager = JWTManager(app)
    # The app's own key set, looked up at each call, so that a test can put another in its place.
    manager.decode_key_loader(
        lambda header, _claims: current_app.extensions[KEY_SET].key(header.get("kid"))
    )
    manager.token_verification_loader(lambda _header, claims: check_claims(claims))
    manager.token_in_blocklist_loader(_is_denied)
    _answer_with_envelope(manager)


def _is_denied(_header: dict[str, Any], claims: dict[str, Any]) -> bool:
    # Flask-JWT-Extended asks this before it verifies the claims, which may be missing or odd here.
    if not check_claims(claims):
        return False
    issued_ms = int(claims.get("iat_ms") or claims["iat"] * 1000)
    return current_denylist().denied(str(claims["jti"]), str(claims["sub"]), issued_ms)


def _answer_with_envelope(manager: JWTManager) -> None:
    def refuse(message: str, code: str) -> Any:
        return error_response(Unauthorized(message, code=code))

    manager.unauthorized_loader(lambda _why: refuse("Authentication is required", "unauthorized"))
    manager.invalid_token_loader(lambda _why: refuse("The token is not valid", "token_invalid"))
    manager.token_verification_failed_loader(
        lambda _header, _claims: refuse("The token is not valid", "token_invalid")
    )
    manager.expired_token_loader(
        lambda _header, _claims: refuse("The token has expired", "token_expired")
    )
    manager.revoked_token_loader(
        lambda _header, _claims: refuse("The token was revoked", "token_revoked")
    )


def principal() -> Principal:
    """Return the caller; only in views with `login_required` or `roles_required`."""
    return cast(Principal, g.principal)


def _authenticate() -> Principal:
    verify_jwt_in_request()
    claims = get_jwt()
    try:
        user_id = UUID(str(claims["sub"]))
    except ValueError as error:
        raise Unauthorized("The token is not valid", code="token_invalid") from error
    roles = claims.get("roles", [])
    g.principal = Principal(
        user_id=user_id,
        roles=frozenset(str(role) for role in roles) if isinstance(roles, list) else frozenset(),
        session_id=str(claims.get("sid", "")),
        token_id=str(claims["jti"]),
        expires_at=int(claims["exp"]),
        token=request.headers["Authorization"].partition(" ")[2],
    )
    return principal()


def optional_principal() -> Principal | None:
    """Return the caller of a public view if a valid token came along, else None."""
    if "Authorization" not in request.headers:
        return None
    return _authenticate()


def public(view: Callable[P, R]) -> Callable[P, R]:
    """Let anybody call the view."""
    setattr(view, RULE, "public")
    return view


def knows_callers(view: Callable[P, R]) -> Callable[P, R]:
    """Describe that a public view asks for the `optional_principal`."""
    _document(view, BAD_TOKEN, [{}, _SCHEME])
    return view


def login_required(view: Callable[P, R]) -> Callable[P, R]:
    """Let any signed-in user call the view; the use case decides what is theirs."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        _authenticate()
        return view(*args, **kwargs)

    setattr(guarded, RULE, "login")
    _document(guarded, LOGIN, [_SCHEME])
    return guarded


def roles_required(*roles: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let only users with one of `roles` call the view; others get 403."""

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            if not _authenticate().roles & set(roles):
                raise Forbidden(f"This needs the role {' or '.join(roles)}")
            return view(*args, **kwargs)

        setattr(guarded, RULE, ",".join(roles))
        _document(guarded, ROLE, [_SCHEME])
        return guarded

    return decorate


def _document(view: Any, found: tuple[Refusal, ...], security: list[dict[str, list[str]]]) -> None:
    manual = {**getattr(view, "_apidoc", {}).get("manual_doc", {}), "security": security}
    note(view, *found, manual_doc=manual)
