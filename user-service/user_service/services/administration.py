"""What administrators do with the accounts of others."""

import logging
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from chassis.denylist import deny_subject
from chassis.messaging.outbox import record
from chassis.pagination import Page, paginate
from user_service.models.emails import InvalidEmail, canonical_email
from user_service.models.sessions import LoginSession, RefreshToken, RevocationReason
from user_service.models.users import (
    EmailTaken,
    LastAdmin,
    Role,
    User,
    UserNotFound,
    UserStatus,
)
from user_service.services.ports import Ports
from user_service.services.registration import Registration, register_user
from user_service.services.revocations import end_sessions, refuse_recent_tokens
from user_service.services.user_events import publish_updated
from user_service.services.users import lock_user

logger = logging.getLogger(__name__)


def list_users(session: Session, query: Mapping[str, Any]) -> Page[User]:
    """Return a page of accounts, newest first.

    query: `search` (part of name or e-mail address, taken literally), `role`, `status`, and paging.
    """
    statement = select(User)
    if search := query.get("search"):
        statement = statement.where(
            or_(
                User.name.icontains(search, autoescape=True),
                User.email_canonical.contains(_folded(search), autoescape=True),
            )
        )
    for name in ("role", "status"):
        if name in query:
            statement = statement.where(getattr(User, name) == query[name])
    # UUIDv7 ids are in the order of creation, and the primary key's index serves them.
    return paginate(session, statement, query, sort=[(User.id, "desc")])


def change_role(ports: Ports, user_id: UUID, role: Role) -> User:
    """Give an account another role; its access tokens with the old one are refused at once.

    Its sessions go on: the next refresh brings a token with the new role.
    Raises UserNotFound, LastAdmin. Publishes user.updated.v1 if the role differs.
    Locks: the user and all active admins, in id order.
    """
    with ports.transaction() as session:
        user, is_last_admin = _lock_with_admins(session, user_id)
        if is_last_admin and role is not Role.ADMIN:
            raise LastAdmin
        changed = user.change_role(role)
        if changed:
            publish_updated(session, user)
            refuse_recent_tokens(session, RefreshToken.session_id.in_(_sessions_of(user_id)))
    if changed:
        deny_subject(user_id)
    return user


def deactivate_user(ports: Ports, user_id: UUID) -> User:
    """Close an account, end its sessions and have its access tokens refused at once.

    Deactivating twice changes nothing. Raises UserNotFound, LastAdmin.
    Publishes user.deactivated.v1. Locks: the user and all active admins, in id order.
    """
    with ports.transaction() as session:
        user, is_last_admin = _lock_with_admins(session, user_id)
        if is_last_admin:
            raise LastAdmin
        changed = user.deactivate()
        if changed:
            record(session, "user.deactivated.v1", user.id, {"user_id": str(user.id)})
            end_sessions(session, RevocationReason.DEACTIVATED, LoginSession.user_id == user_id)
    if changed:
        deny_subject(user_id)
    return user


def activate_user(session: Session, user_id: UUID) -> User:
    """Open an account again; its owner has to log in.

    Raises UserNotFound. Publishes user.updated.v1 if it was closed. Locks: the user's row.
    """
    user = lock_user(session, user_id)
    if user.activate():
        publish_updated(session, user)
    return user


def create_first_admin(ports: Ports, *, email: str, password: str) -> bool:
    """Make the first administrator unless the account exists; tell whether it was made.

    An existing account is left alone, whatever its role: who registered that address first must not
    become an administrator by it. Raises InvalidEmail, WeakPassword.
    """
    registered = select(User.role).where(User.email_canonical == canonical_email(email))
    with ports.transaction() as session:
        role = session.scalar(registered)
    if role is None:
        try:
            register_user(
                ports, Registration(email=email, password=password, name="Admin"), Role.ADMIN
            )
            return True
        except EmailTaken:
            return False  # Another replica was faster.
    if role != Role.ADMIN:
        logger.warning("ADMIN_EMAIL belongs to an account that is not an administrator")
    return False


def _lock_with_admins(session: Session, user_id: UUID) -> tuple[User, bool]:
    """Lock the user and every active admin; tell whether the user is the only one of them.

    All of them, in id order: two admins who demote each other must not both succeed, nor deadlock.
    """
    active_admin = and_(User.role == Role.ADMIN.value, User.status == UserStatus.ACTIVE.value)
    statement = (
        select(User)
        .where(or_(User.id == user_id, active_admin))
        .order_by(User.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    locked = {user.id: user for user in session.scalars(statement)}
    user = locked.get(user_id)
    if user is None:
        raise UserNotFound
    others = [other for other in locked.values() if other.active_admin and other.id != user_id]
    return user, user.active_admin and not others


def _sessions_of(user_id: UUID) -> Any:
    return select(LoginSession.id).where(LoginSession.user_id == user_id)


def _folded(search: str) -> str:
    """Return a search text as e-mail addresses are stored, as far as that is possible."""
    try:
        return canonical_email(search)
    except InvalidEmail:
        return search.casefold()
