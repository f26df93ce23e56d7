"""Opening a session, and the pair of tokens that each step of it gives out."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from chassis import clock
from chassis.base_model import new_id
from user_service.models.access_tokens import ACCESS_TOKEN_SECONDS, AccessGrant
from user_service.models.sessions import (
    LoginSession,
    RefreshToken,
    new_refresh_token,
    token_digest,
)
from user_service.models.users import User
from user_service.services.access_tokens import sign_access_token
from user_service.services.keyring import LoadedKey


@dataclass(frozen=True, kw_only=True)
class TokenPair:
    """What a client gets: an access token for `expires_in` seconds, and what renews it once."""

    access_token: str
    refresh_token: str
    expires_in: int = ACCESS_TOKEN_SECONDS
    token_type: str = "Bearer"


@dataclass(frozen=True)
class GivenTokens:
    """Tokens that the database knows of; they are signed after the commit."""

    grant: AccessGrant
    refresh_token: str

    def signed(self, key: LoadedKey) -> TokenPair:
        """Return them as the client gets them."""
        return TokenPair(
            access_token=sign_access_token(self.grant, key), refresh_token=self.refresh_token
        )


def open_session(session: Session, user: User, seconds: int) -> GivenTokens:
    """Begin a login of an account that the caller has locked; seconds: until it ends for good."""
    family = LoginSession(
        id=new_id(), user_id=user.id, expires_at=clock.now() + timedelta(seconds=seconds)
    )
    session.add(family)
    session.flush()
    return give_tokens(session, user, family.id)


def give_tokens(session: Session, user: User, family_id: UUID) -> GivenTokens:
    """Give out the next pair of a session; the caller has locked the account."""
    grant = AccessGrant(
        user_id=user.id,
        role=user.role,
        session_id=family_id,
        token_id=new_id(),
        issued_at=clock.now(),
    )
    refresh_token = new_refresh_token()
    session.add(
        RefreshToken(
            session_id=family_id,
            token_hash=token_digest(refresh_token),
            access_token_id=grant.token_id,
        )
    )
    session.flush()
    return GivenTokens(grant, refresh_token)
