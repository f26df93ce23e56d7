"""The caller's own account."""

from typing import Any

from chassis.auth import login_required, principal
from chassis.database import transaction
from chassis.routing import ApiBlueprint, expected_version, needs_version
from user_service.models.password_policy import WeakPassword
from user_service.models.users import PasswordChanged, User, UserNotFound, WrongPassword
from user_service.schemas.users import PasswordChangeSchema, ProfileChangesSchema, UserSchema
from user_service.services.credentials import Proof, change_password
from user_service.services.login_throttle import TooManyAttempts
from user_service.services.passwords import PasswordsBusy
from user_service.services.users import edit_profile, find_user
from user_service.wiring import client_address, current_session_id, ports

blueprint = ApiBlueprint(
    "me", __name__, url_prefix="/api/users/me", description="The caller's own account"
)


@blueprint.route("", methods=["GET"])
@login_required
@blueprint.response(200, UserSchema, etag=True)
@blueprint.raises(UserNotFound)
def get_me() -> User:
    """Read one's own account."""
    with transaction() as session:
        return find_user(session, principal().user_id)


@blueprint.route("", methods=["PATCH"])
@login_required
@blueprint.arguments(ProfileChangesSchema)
@blueprint.response(200, UserSchema, message="Saved", etag=True)
@blueprint.raises(UserNotFound)
@needs_version
def patch_me(body: dict[str, Any]) -> User:
    """Change name, phone or locale; needs `If-Match` with the ETag that was read.

    Another phone number is not verified; a word about it goes to the e-mail address.
    """
    with transaction() as session:
        return edit_profile(session, principal().user_id, body, expected_version=expected_version())


@blueprint.route("/password", methods=["POST"])
@login_required
@blueprint.arguments(PasswordChangeSchema)
@blueprint.response(200, message="Password changed")
@blueprint.raises(WrongPassword, WeakPassword, PasswordChanged, TooManyAttempts, PasswordsBusy)
def post_password(body: dict[str, Any]) -> None:
    """Change the password; all other sessions end, this one goes on."""
    proof = Proof(principal().user_id, body["current_password"], client_address())
    change_password(
        ports(), proof, session_id=current_session_id(), new_password=body["new_password"]
    )
