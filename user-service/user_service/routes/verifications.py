"""Verifying the contacts of the own account, and changing its e-mail address."""

from typing import Any

from chassis.auth import login_required, principal
from chassis.database import transaction
from chassis.routing import ApiBlueprint
from user_service.models.emails import InvalidEmail
from user_service.models.users import (
    EmailTaken,
    PasswordChanged,
    PhoneTaken,
    User,
    UserNotFound,
    WrongPassword,
)
from user_service.models.verifications import (
    Channel,
    CodeExpired,
    NoPhone,
    TooManyCodes,
    WrongCode,
)
from user_service.schemas.users import UserSchema
from user_service.schemas.verifications import (
    CodeRequestSchema,
    CodeSchema,
    EmailChangeSchema,
    SentCodeSchema,
)
from user_service.services.contact_verification import confirm_contact, request_contact_code
from user_service.services.credentials import Proof, change_email
from user_service.services.login_throttle import TooManyAttempts
from user_service.services.passwords import PasswordsBusy
from user_service.services.verifications import SentCode
from user_service.wiring import client_address, ports

blueprint = ApiBlueprint(
    "verifications",
    __name__,
    url_prefix="/api/users/me",
    description="Proving that an e-mail address or phone number is one's own",
)


@blueprint.route("/email", methods=["PUT"])
@login_required
@blueprint.arguments(EmailChangeSchema)
@blueprint.response(200, UserSchema, message="E-mail address changed", etag=True)
@blueprint.raises(UserNotFound, InvalidEmail, EmailTaken, WrongPassword, PasswordChanged)
@blueprint.raises(TooManyAttempts, PasswordsBusy)
def put_email(body: dict[str, Any]) -> User:
    """Change the e-mail address; a code goes to the new one, word of it to the old one.

    The new address is not verified. Tokens to reset the password that went to the old one are
    useless from now on.
    """
    proof = Proof(principal().user_id, body["current_password"], client_address())
    return change_email(ports(), proof, email=body["email"])


@blueprint.route("/email/verification", methods=["POST"])
@login_required
@blueprint.arguments(CodeRequestSchema)
@blueprint.response(202, SentCodeSchema, message="Code sent")
@blueprint.raises(UserNotFound, TooManyCodes)
def post_email_code(body: dict[str, Any]) -> SentCode:
    """Send a code of six digits to the own e-mail address; it is good for 5 minutes.

    429 `users.too_many_codes` within 30, 60, then 120 s of the one before, and after 5 an hour or
    10 a day.
    """
    return _send(Channel.EMAIL)


@blueprint.route("/email/verification/confirm", methods=["POST"])
@login_required
@blueprint.arguments(CodeSchema)
@blueprint.response(200, UserSchema, message="E-mail address verified", etag=True)
@blueprint.raises(WrongCode, CodeExpired)
def confirm_email(body: dict[str, Any]) -> User:
    """Give the code back; five guesses are allowed."""
    return confirm_contact(ports(), user_id=principal().user_id, channel=Channel.EMAIL, **body)


@blueprint.route("/phone/verification", methods=["POST"])
@login_required
@blueprint.arguments(CodeRequestSchema)
@blueprint.response(202, SentCodeSchema, message="Code sent")
@blueprint.raises(UserNotFound, NoPhone, TooManyCodes)
def post_phone_code(body: dict[str, Any]) -> SentCode:
    """Send a code of six digits to the own phone number; it is good for 5 minutes.

    The limits are those of the e-mail address, and also hold for one account with ever other
    numbers.
    """
    return _send(Channel.SMS)


@blueprint.route("/phone/verification/confirm", methods=["POST"])
@login_required
@blueprint.arguments(CodeSchema)
@blueprint.response(200, UserSchema, message="Phone number verified", etag=True)
@blueprint.raises(WrongCode, CodeExpired, PhoneTaken)
def confirm_phone(body: dict[str, Any]) -> User:
    """Give the code back; from then on one can log in with codes to this number.

    409 `users.phone_taken` if another account has verified it.
    """
    return confirm_contact(ports(), user_id=principal().user_id, channel=Channel.SMS, **body)


def _send(channel: Channel) -> SentCode:
    with transaction() as session:
        return request_contact_code(
            session, ports().codes, user_id=principal().user_id, channel=channel
        )
