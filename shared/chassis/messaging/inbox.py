"""Each message has its effect once: remembered in the transaction of the effect."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Connection, delete, func, select, text, tuple_
from sqlalchemy.orm import Session

from chassis.database import retry_conflicts
from chassis.messaging.event import Event
from chassis.messaging.tables import inbox

Transaction = Callable[[], AbstractContextManager[Session]]
EventHandler = Callable[[Session, Event], None]
PURGE_BATCH = 1000
# As text, because SQLAlchemy compiles its ON CONFLICT anew each time: a third of a message's work.
_INSERT = text(
    "INSERT INTO inbox (consumer, message_id) VALUES (:consumer, CAST(:message_id AS uuid))"
    " ON CONFLICT DO NOTHING RETURNING 1"
)


def process(transaction: Transaction, consumer: str, event: Event, handler: EventHandler) -> bool:
    """Run `handler` once for this consumer and event; return False if it had its effect before.

    The handler runs in the transaction that remembers the event; the caller acknowledges the
    message after this returns. A deadlock or serialization failure runs the whole again.
    Locks: the inbox row, so that a second delivery at the same time waits for the outcome.
    """

    def once() -> bool:
        with transaction() as session:
            if not remember(session, consumer, event.id):
                return False
            handler(session, event)
            return True

    return retry_conflicts(once)


def remember(session: Session, consumer: str, message_id: UUID) -> bool:
    """Note in the caller's transaction that a message has its effect; return False if it had it.

    For tasks too, which come again as messages do. Locks: the row, as in `process`.
    """
    row = {"consumer": consumer, "message_id": str(message_id)}
    # A plain insert that fails would abort the transaction.
    return session.execute(_INSERT, row).first() is not None


def purge(connection: Connection, older_than: timedelta = timedelta(days=7)) -> int:
    """Forget messages of that age, a thousand at a time; return how many.

    The age exceeds every possible redelivery: the longest retry is minutes, a relay that was down
    sends what is pending, and dead letters are sent again by people within days.
    """
    key = (inbox.c.consumer, inbox.c.message_id)
    old = inbox.c.processed_at < func.now() - older_than
    batch = select(*key).where(old).limit(PURGE_BATCH)
    statement = delete(inbox).where(tuple_(*key).in_(batch))
    total = 0
    while deleted := connection.execute(statement).rowcount:
        total += deleted
    return total
