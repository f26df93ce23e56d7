"""The caller's addresses. Somebody else's are as unknown as those that never existed: 404."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from chassis.auth import login_required, principal
from chassis.database import transaction
from chassis.idempotency import idempotent
from chassis.routing import ApiBlueprint, expected_version, needs_version
from user_service.models.addresses import Address, AddressNotFound, TooManyAddresses
from user_service.models.users import UserNotFound
from user_service.schemas.addresses import AddressChangesSchema, AddressSchema, NewAddressSchema
from user_service.services.addresses import (
    add_address,
    delete_address,
    edit_address,
    find_address,
    list_addresses,
)

blueprint = ApiBlueprint(
    "addresses",
    __name__,
    url_prefix="/api/users/me/addresses",
    description="The caller's addresses",
)


@blueprint.route("", methods=["GET"])
@login_required
@blueprint.response(200, AddressSchema(many=True))
def get_addresses() -> Sequence[Address]:
    """List the addresses, the default first."""
    with transaction() as session:
        return list_addresses(session, principal().user_id)


@blueprint.route("", methods=["POST"])
@login_required
@idempotent(required=False)
@blueprint.arguments(NewAddressSchema)
@blueprint.response(201, AddressSchema, message="Address added")
@blueprint.raises(UserNotFound, TooManyAddresses)
def post_address(body: dict[str, Any]) -> tuple[Address, int, dict[str, str]]:
    """Add an address; the first one becomes the default."""
    with transaction() as session:
        address = add_address(session, principal().user_id, body)
    return address, 201, {"Location": f"/api/users/me/addresses/{address.id}"}


@blueprint.route("/<uuid:address_id>", methods=["GET"])
@login_required
@blueprint.response(200, AddressSchema, etag=True)
@blueprint.raises(AddressNotFound)
def get_address(address_id: UUID) -> Address:
    """Read an address."""
    with transaction() as session:
        return find_address(session, principal().user_id, address_id)


@blueprint.route("/<uuid:address_id>", methods=["PATCH"])
@login_required
@blueprint.arguments(AddressChangesSchema)
@blueprint.response(200, AddressSchema, message="Saved", etag=True)
@blueprint.raises(UserNotFound, AddressNotFound)
@needs_version
def patch_address(body: dict[str, Any], address_id: UUID) -> Address:
    """Change an address; needs `If-Match` with the ETag that was read."""
    with transaction() as session:
        return edit_address(
            session, principal().user_id, address_id, body, expected_version=expected_version()
        )


@blueprint.route("/<uuid:address_id>", methods=["DELETE"])
@login_required
@blueprint.response(204)
@blueprint.raises(UserNotFound, AddressNotFound)
def remove_address(address_id: UUID) -> None:
    """Delete an address; if it was the default, the newest of the others becomes it."""
    with transaction() as session:
        delete_address(session, principal().user_id, address_id)
