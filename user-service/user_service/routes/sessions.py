"""Registering, logging in, refreshing, logging out."""

from typing import Any

from chassis.auth import login_required, principal, public
from chassis.routing import ApiBlueprint
from user_service.models.emails import InvalidEmail
from user_service.models.password_policy import WeakPassword
from user_service.models.sessions import InvalidRefreshToken
from user_service.models.users import AccountDeactivated, EmailTaken, InvalidCredentials
from user_service.models.verifications import CodeExpired, WrongCode
from user_service.schemas.sessions import LoginSchema, LogoutSchema, RefreshSchema, TokenPairSchema
from user_service.schemas.users import NewAccountSchema, RegistrationSchema
from user_service.schemas.verifications import CodeSchema
from user_service.services.login_throttle import TooManyAttempts
from user_service.services.passwords import PasswordsBusy
from user_service.services.registration import (
    NewAccount,
    Registration,
    finish_registration,
    register_user,
)
from user_service.services.sessions import log_in, log_out, refresh_session
from user_service.services.token_pairs import TokenPair
from user_service.wiring import client_address, current_session_id, ports

TokenAnswer = tuple[TokenPair, int, dict[str, str]]

# RFC 6749 section 5.1: no cache on the way may keep tokens.
NOT_STORED = {"Cache-Control": "no-store"}

blueprint = ApiBlueprint(
    "sessions", __name__, url_prefix="/api/users", description="Registering and logging in"
)


@blueprint.route("/register", methods=["POST"])
@public
@blueprint.arguments(RegistrationSchema)
@blueprint.response(201, NewAccountSchema, message="Account created")
@blueprint.raises(EmailTaken, InvalidEmail, WeakPassword, PasswordsBusy)
def register(body: dict[str, Any]) -> NewAccount:
    """Make an account with the role customer, and mail it a code that verifies the address.

    409 `users.email_taken` if the e-mail address has one, 422 `users.weak_password` for a password
    that is too short or too common.
    """
    return register_user(ports(), Registration(**body))


@blueprint.route("/register/confirm", methods=["POST"])
@public
@blueprint.arguments(CodeSchema)
@blueprint.response(200, TokenPairSchema, message="E-mail address verified, logged in")
@blueprint.raises(WrongCode, CodeExpired, AccountDeactivated)
def confirm_registration(body: dict[str, Any]) -> TokenAnswer:
    """Open the first session with the code that came by mail, within 5 minutes; five guesses.

    Without it one logs in with the password, and verifies the address later.
    """
    return finish_registration(ports(), **body), 200, NOT_STORED


@blueprint.route("/login", methods=["POST"])
@public
@blueprint.arguments(LoginSchema)
@blueprint.response(200, TokenPairSchema, message="Logged in")
@blueprint.raises(InvalidCredentials, AccountDeactivated, TooManyAttempts, PasswordsBusy)
def login(body: dict[str, Any]) -> TokenAnswer:
    """Open a session.

    401 `users.invalid_credentials` for an unknown account as for a wrong password, 403
    `users.deactivated`, 429 `users.too_many_attempts` with Retry-After after repeated failures.
    """
    return log_in(ports(), **body, address=client_address()), 200, NOT_STORED


@blueprint.route("/refresh", methods=["POST"])
@public
@blueprint.arguments(RefreshSchema)
@blueprint.response(200, TokenPairSchema, message="Refreshed")
@blueprint.raises(InvalidRefreshToken, AccountDeactivated)
def refresh(body: dict[str, Any]) -> TokenAnswer:
    """Exchange a refresh token for a new pair; a second use of it ends the session (401)."""
    return refresh_session(ports(), body["refresh_token"]), 200, NOT_STORED


@blueprint.route("/logout", methods=["POST"])
@login_required
@blueprint.arguments(LogoutSchema)
@blueprint.response(200, message="Logged out")
def logout(body: dict[str, Any]) -> None:
    """End the session of the access token; tokens of the session are refused within seconds."""
    caller = principal()
    log_out(
        ports(),
        user_id=caller.user_id,
        session_id=current_session_id(),
        token_id=caller.token_id,
        refresh_token=body["refresh_token"],
    )
