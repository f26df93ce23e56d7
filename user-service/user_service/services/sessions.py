"""Logging in, refreshing, logging out."""

from uuid import UUID

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from chassis import clock
from user_service.models.emails import InvalidEmail, canonical_email
from user_service.models.sessions import (
    InvalidRefreshToken,
    LoginSession,
    RefreshToken,
    RevocationReason,
    token_digest,
)
from user_service.models.users import AccountDeactivated, InvalidCredentials, User
from user_service.services.ports import Ports
from user_service.services.revocations import deny_tokens, end_sessions
from user_service.services.token_pairs import GivenTokens, TokenPair, give_tokens, open_session


def log_in(ports: Ports, *, email: str, password: str, address: str) -> TokenPair:
    """Open a session. An unknown account takes as long as a wrong password and answers the same.

    address: of the client, for the throttle. A hash made with old parameters is replaced.
    Raises InvalidCredentials, AccountDeactivated (only after the right password), TooManyAttempts.
    Locks: the user's row, after the password was checked.
    """
    account = _account_name(email)
    with ports.throttle.attempt(account, address):
        user_id, stored = _check_password(ports, account, password)
    renewed = ports.passwords.hash(password) if ports.passwords.outdated(stored) else None
    key = ports.keyring.signing_key()
    with ports.transaction() as session:
        user = session.get(
            User, user_id, with_for_update={"key_share": True}, populate_existing=True
        )
        if user is None or user.password_hash != stored:
            raise InvalidCredentials  # Changed while we hashed.
        if not user.active:
            raise AccountDeactivated
        if renewed:
            user.password_hash = renewed
        given = open_session(session, user, ports.session_seconds)
    return given.signed(key)


def refresh_session(ports: Ports, refresh_token: str) -> TokenPair:
    """Exchange a refresh token for a new pair; the session's end does not move.

    A token that was spent before ends its session, for either its owner or a thief is using a copy
    (RFC 9700 section 4.14.2). Of two that arrive at once one wins, and the other ends the session.
    Raises InvalidRefreshToken. Locks: the user's row (shared), the token, the session.
    """
    digest = token_digest(refresh_token)
    key = ports.keyring.signing_key()
    with ports.transaction() as session:
        user = _lock_owner(session, digest)
        family_id = _spend(session, digest)
        denied = _end_reused_session(session, digest) if family_id is None else []
        given = None if family_id is None else _continue(session, user, family_id)
    # Outside the transaction: raising inside would roll the revocation back.
    if given is None:
        deny_tokens(denied)
        raise InvalidRefreshToken
    return given.signed(key)


def log_out(
    ports: Ports, *, user_id: UUID, session_id: UUID, token_id: str, refresh_token: str | None
) -> None:
    """End the session, and also the one of `refresh_token` if that is the user's; both may be over.

    Their access tokens, `token_id` among them, are refused within seconds everywhere.
    """
    with ports.transaction() as session:
        ids = {session_id}
        if refresh_token is not None:
            ids |= set(session.scalars(_session_of(token_digest(refresh_token))))
        denied = end_sessions(
            session,
            RevocationReason.LOGOUT,
            LoginSession.user_id == user_id,
            LoginSession.id.in_(ids),
        )
    deny_tokens([token_id, *denied])


def _account_name(email: str) -> str:
    try:
        return canonical_email(email)
    except InvalidEmail:
        # No account can have it; it is throttled and hashed like any other unknown one.
        return email.casefold()


def _check_password(ports: Ports, account: str, password: str) -> tuple[UUID, str]:
    statement = select(User.id, User.password_hash).where(User.email_canonical == account)
    with ports.transaction() as session:
        known = session.execute(statement).first()
    if not ports.passwords.matches(known.password_hash if known else None, password) or not known:
        raise InvalidCredentials
    return known.id, known.password_hash


def _lock_owner(session: Session, digest: bytes) -> User:
    owner = (
        select(User)
        .join(LoginSession, LoginSession.user_id == User.id)
        .join(RefreshToken, RefreshToken.session_id == LoginSession.id)
        .where(RefreshToken.token_hash == digest)
        .with_for_update(read=True, of=User)
        .execution_options(populate_existing=True)
    )
    user = session.scalar(owner)
    if user is None:
        raise InvalidRefreshToken
    return user


def _spend(session: Session, digest: bytes) -> UUID | None:
    """Mark the token as used and return its session, or None if it had been used before."""
    return session.scalar(
        update(RefreshToken)
        .where(RefreshToken.token_hash == digest, RefreshToken.spent_at.is_(None))
        .values(spent_at=clock.now())
        .returning(RefreshToken.session_id)
        .execution_options(synchronize_session=False)
    )


def _end_reused_session(session: Session, digest: bytes) -> list[str]:
    return end_sessions(
        session, RevocationReason.TOKEN_REUSED, LoginSession.id.in_(_session_of(digest))
    )


def _continue(session: Session, user: User, family_id: UUID) -> GivenTokens:
    family = session.get_one(LoginSession, family_id, with_for_update=True, populate_existing=True)
    if not family.live or not user.active:
        raise InvalidRefreshToken
    return give_tokens(session, user, family_id)


def _session_of(digest: bytes) -> Select[tuple[UUID]]:
    return select(RefreshToken.session_id).where(RefreshToken.token_hash == digest)
