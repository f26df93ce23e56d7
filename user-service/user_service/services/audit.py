"""Invariants of this service, checked over all rows."""

from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, select
from sqlalchemy.orm import Session

from chassis import clock
from chassis.messaging.outbox import count_pending
from user_service.models.addresses import Address
from user_service.models.sessions import LoginSession, RefreshToken
from user_service.models.signing_keys import newest_active
from user_service.models.users import Role, User, UserStatus
from user_service.services.signing_keys import unretired_keys


def audit_users(session: Session) -> dict[str, Any]:
    """Return `{"checks": [{"name", "ok", "detail"}], "counts": {...}, "outbox_pending": n}`."""
    now = clock.now()
    live = and_(LoginSession.revoked_at.is_(None), LoginSession.expires_at > now)
    keys = unretired_keys(session)
    checks = [
        _none("closed_accounts_have_no_sessions", _closed_with_session(session, live)),
        _none("live_sessions_have_one_usable_token", _live_without_token(session, live)),
        _none("accounts_have_at_most_one_default_address", _several_defaults(session)),
        _check(
            "a_signing_key_is_active",
            {"published": len(keys)},
            not keys or newest_active(keys, now) is not None,
        ),
    ]
    return {
        "checks": checks,
        "counts": {
            "users": _count(session, User),
            "active_users": _count(session, User, User.status == UserStatus.ACTIVE.value),
            "active_admins": _count(
                session, User, User.status == UserStatus.ACTIVE.value, User.role == Role.ADMIN.value
            ),
            "live_sessions": _count(session, LoginSession, live),
            "addresses": _count(session, Address),
        },
        "outbox_pending": count_pending(session),
    }


def _check(name: str, detail: dict[str, Any], ok: bool) -> dict[str, Any]:
    return {"name": name, "ok": ok, "detail": detail}


def _none(name: str, violations: int) -> dict[str, Any]:
    return _check(name, {"violations": violations}, violations == 0)


def _count(session: Session, entity: type[Any], *conditions: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).select_from(entity).where(*conditions)) or 0


def _closed_with_session(session: Session, live: ColumnElement[bool]) -> int:
    closed = exists().where(
        User.id == LoginSession.user_id, User.status == UserStatus.DEACTIVATED.value
    )
    return _count(session, LoginSession, live, closed)


def _live_without_token(session: Session, live: ColumnElement[bool]) -> int:
    usable = exists().where(
        RefreshToken.session_id == LoginSession.id, RefreshToken.spent_at.is_(None)
    )
    return _count(session, LoginSession, live, ~usable)


def _several_defaults(session: Session) -> int:
    owners = (select(Address.user_id).where(Address.is_default).group_by(Address.user_id)).having(
        func.count() > 1
    )
    return session.scalar(select(func.count()).select_from(owners.subquery())) or 0
