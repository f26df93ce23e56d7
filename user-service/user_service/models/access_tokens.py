"""What one access token says."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

# Long enough that clients seldom refresh, short enough that a lost denylist heals by itself.
ACCESS_TOKEN_SECONDS = 900


@dataclass(frozen=True, kw_only=True)
class AccessGrant:
    """The decision, made under the account's lock, to give out one access token.

    issued_at: read while the lock was held, so that a revocation that waited for the lock is later
    than every token it has to cover.
    """

    user_id: UUID
    role: str
    session_id: UUID
    token_id: UUID
    issued_at: datetime
