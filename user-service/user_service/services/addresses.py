"""The address book of an account."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from user_service.models.addresses import (
    MAX_ADDRESSES,
    Address,
    AddressNotFound,
    TooManyAddresses,
)
from user_service.services.users import lock_user


def list_addresses(session: Session, user_id: UUID) -> Sequence[Address]:
    """Return the user's addresses, the default first, then in order of creation."""
    statement = select(Address).where(Address.user_id == user_id)
    return session.scalars(statement.order_by(Address.is_default.desc(), Address.id)).all()


def find_address(session: Session, user_id: UUID, address_id: UUID) -> Address:
    """Return one of the user's addresses. Raises AddressNotFound, also for somebody else's."""
    statement = select(Address).where(Address.id == address_id, Address.user_id == user_id)
    address = session.scalar(statement.execution_options(populate_existing=True))
    if address is None:
        raise AddressNotFound
    return address


def add_address(session: Session, user_id: UUID, fields: Mapping[str, Any]) -> Address:
    """Add an address; the first one becomes the default, a new default replaces the old one.

    Raises UserNotFound, TooManyAddresses. Locks: the user's row, for the count and the default.
    """
    lock_user(session, user_id)
    held = session.scalar(select(func.count()).where(Address.user_id == user_id)) or 0
    if held >= MAX_ADDRESSES:
        raise TooManyAddresses
    is_default = bool(fields.get("is_default")) or held == 0
    if is_default:
        _clear_default(session, user_id)
    address = Address(**{**fields, "user_id": user_id, "is_default": is_default})
    session.add(address)
    session.flush()
    return address


def edit_address(
    session: Session,
    user_id: UUID,
    address_id: UUID,
    changes: Mapping[str, Any],
    *,
    expected_version: int,
) -> Address:
    """Change an address as far as `changes` has fields.

    Raises UserNotFound, AddressNotFound, PreconditionFailed. Locks: the user's row.
    """
    lock_user(session, user_id)
    address = find_address(session, user_id, address_id)
    address.require_version(expected_version)
    if changes.get("is_default") and not address.is_default:
        _clear_default(session, user_id)
    differing = {name: value for name, value in changes.items() if getattr(address, name) != value}
    for name, value in differing.items():
        setattr(address, name, value)
    if differing:
        address.version += 1
    session.flush()
    return address


def delete_address(session: Session, user_id: UUID, address_id: UUID) -> None:
    """Delete an address; if it was the default, the newest of the others becomes it.

    Raises UserNotFound, AddressNotFound. Locks: the user's row.
    """
    lock_user(session, user_id)
    address = find_address(session, user_id, address_id)
    session.delete(address)
    session.flush()
    if address.is_default:
        _promote_newest(session, user_id)


def _clear_default(session: Session, user_id: UUID) -> None:
    # Before the new default is written: the partial unique index is checked at each statement.
    session.execute(
        update(Address)
        .where(Address.user_id == user_id, Address.is_default)
        .values(is_default=False, version=Address.version + 1)
    )


def _promote_newest(session: Session, user_id: UUID) -> None:
    newest = select(Address).where(Address.user_id == user_id).order_by(Address.id.desc()).limit(1)
    address = session.scalar(newest)
    if address is not None:
        address.is_default = True
        address.version += 1
