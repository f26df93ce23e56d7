"""What user-service tells others; their schemas are in contracts/events. It listens to nobody."""

from collections.abc import Callable

from sqlalchemy.orm import Session

from chassis.messaging.event import Event

PUBLISHES = frozenset(
    {
        "user.registered.v1",
        "user.updated.v1",
        "user.deactivated.v1",
        "user.security_changed.v1",
        "verification.requested.v1",
    }
)
CONSUMES: dict[str, Callable[[Session, Event], None]] = {}
UNCONSUMED: frozenset[str] = frozenset()
