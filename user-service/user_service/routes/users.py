"""The accounts of others, for administrators."""

from typing import Any
from uuid import UUID

from chassis.auth import roles_required
from chassis.database import transaction
from chassis.pagination import Page
from chassis.routing import ApiBlueprint
from user_service.models.users import LastAdmin, Role, User, UserNotFound
from user_service.schemas.users import RoleChangeSchema, UserQuery, UserSchema
from user_service.services.administration import (
    activate_user,
    change_role,
    deactivate_user,
    list_users,
)
from user_service.services.users import find_user
from user_service.wiring import ports

blueprint = ApiBlueprint(
    "users", __name__, url_prefix="/api/users", description="Administration of accounts"
)


@blueprint.route("", methods=["GET"])
@roles_required("admin")
@blueprint.arguments(UserQuery, location="query")
@blueprint.response(200, UserSchema(many=True))
def get_users(query: dict[str, Any]) -> Page[User]:
    """List accounts, newest first; `search` looks for a part of name or e-mail address."""
    with transaction() as session:
        return list_users(session, query)


@blueprint.route("/<uuid:user_id>", methods=["GET"])
@roles_required("admin")
@blueprint.response(200, UserSchema, etag=True)
@blueprint.raises(UserNotFound)
def get_user(user_id: UUID) -> User:
    """Read an account."""
    with transaction() as session:
        return find_user(session, user_id)


@blueprint.route("/<uuid:user_id>/role", methods=["PUT"])
@roles_required("admin")
@blueprint.arguments(RoleChangeSchema)
@blueprint.response(200, UserSchema, message="Role changed")
@blueprint.raises(UserNotFound, LastAdmin)
def put_role(body: dict[str, Any], user_id: UUID) -> User:
    """Change the role; access tokens with the old one are refused within seconds.

    409 `users.last_admin` if nobody would be left to administer.
    """
    return change_role(ports(), user_id, Role(body["role"]))


@blueprint.route("/<uuid:user_id>/deactivate", methods=["POST"])
@roles_required("admin")
@blueprint.response(200, UserSchema, message="Account deactivated")
@blueprint.raises(UserNotFound, LastAdmin)
def post_deactivate(user_id: UUID) -> User:
    """Close the account: its sessions end, its access tokens are refused within seconds."""
    return deactivate_user(ports(), user_id)


@blueprint.route("/<uuid:user_id>/activate", methods=["POST"])
@roles_required("admin")
@blueprint.response(200, UserSchema, message="Account activated")
@blueprint.raises(UserNotFound)
def post_activate(user_id: UUID) -> User:
    """Open the account again; its owner has to log in."""
    with transaction() as session:
        return activate_user(session, user_id)
