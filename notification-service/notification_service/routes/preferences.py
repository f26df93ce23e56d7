from typing import Any

from chassis.auth import login_required, principal
from chassis.database import transaction
from chassis.routing import ApiBlueprint
from notification_service.models import Preference
from notification_service.schemas.preferences import ChoicesSchema, PreferenceSchema
from notification_service.services import preferences

blp = ApiBlueprint(
    "preferences",
    __name__,
    url_prefix="/api/notifications/preferences",
    description="What users want to hear",
)


@blp.route("/", methods=["GET"])
@login_required
@blp.response(200, PreferenceSchema, message="Preferences")
def get_preferences() -> Preference:
    """Show what you chose to hear, and how."""
    with transaction() as session:
        return preferences.find_preference(session, principal().user_id)


@blp.route("/", methods=["PATCH"])
@login_required
@blp.arguments(ChoicesSchema)
@blp.response(200, PreferenceSchema, message="Preferences changed")
def patch_preferences(choices: dict[str, Any]) -> Preference:
    """Choose what you want to hear, and how. Codes that you ask for always come."""
    with transaction() as session:
        return preferences.choose(session, principal().user_id, choices)
