"""Logging in without the password, and replacing one that is forgotten.

Whoever asks is told the same whether there is an account or not.
"""

from typing import Any

from chassis.auth import public
from chassis.database import transaction
from chassis.routing import ApiBlueprint
from user_service.models.emails import InvalidEmail
from user_service.models.password_policy import WeakPassword
from user_service.models.users import AccountDeactivated
from user_service.models.verifications import (
    CodeExpired,
    InvalidResetToken,
    TooManyCodes,
    WrongCode,
)
from user_service.routes.sessions import NOT_STORED, TokenAnswer
from user_service.schemas.sessions import TokenPairSchema
from user_service.schemas.verifications import (
    CodeSchema,
    LoginCodeRequestSchema,
    PasswordResetRequestSchema,
    PasswordResetSchema,
    SentCodeSchema,
)
from user_service.services.password_reset import request_password_reset, reset_password
from user_service.services.passwords import PasswordsBusy
from user_service.services.sms_login import log_in_with_code, request_login_code
from user_service.services.verifications import SentCode
from user_service.wiring import client_address, ports

blueprint = ApiBlueprint(
    "recovery",
    __name__,
    url_prefix="/api/users",
    description="Logging in by SMS, resetting the password by mail",
)


@blueprint.route("/login/sms", methods=["POST"])
@public
@blueprint.arguments(LoginCodeRequestSchema)
@blueprint.response(202, SentCodeSchema, message="A code was sent if the number has an account")
@blueprint.raises(TooManyCodes)
def post_login_code(body: dict[str, Any]) -> SentCode:
    """Send a code of six digits to a phone number that an account has verified.

    The answer is the same for every number. 429 `users.too_many_codes` within 30, 60, then 120 s
    of the one before, and after 5 an hour or 10 a day.
    """
    with transaction() as session:
        return request_login_code(session, ports().codes, body["phone"])


@blueprint.route("/login/sms/confirm", methods=["POST"])
@public
@blueprint.arguments(CodeSchema)
@blueprint.response(200, TokenPairSchema, message="Logged in")
@blueprint.raises(WrongCode, CodeExpired, AccountDeactivated)
def confirm_login_code(body: dict[str, Any]) -> TokenAnswer:
    """Open a session with the code, once, within 5 minutes; five guesses are allowed."""
    return log_in_with_code(ports(), **body), 200, NOT_STORED


@blueprint.route("/password/reset", methods=["POST"])
@public
@blueprint.arguments(PasswordResetRequestSchema)
@blueprint.response(202, SentCodeSchema, message="A mail was sent if the address has an account")
@blueprint.raises(InvalidEmail, TooManyCodes)
def post_password_reset(body: dict[str, Any]) -> SentCode:
    """Send a mail with a token that replaces the password, good for 30 minutes.

    The answer is the same for every address; the limits are those of codes.
    """
    with transaction() as session:
        return request_password_reset(session, ports().codes, body["email"])


@blueprint.route("/password/reset/confirm", methods=["POST"])
@public
@blueprint.arguments(PasswordResetSchema)
@blueprint.response(200, message="Password changed; log in with it")
@blueprint.raises(InvalidResetToken, WeakPassword, PasswordsBusy)
def confirm_password_reset(body: dict[str, Any]) -> None:
    """Replace the password, once; all sessions end, their access tokens are refused within seconds.

    A password that is refused (422 `users.weak_password`) does not use up the token.
    """
    reset_password(ports(), **body, address=client_address())
