"""What a service tells others or wants done later, written with the change that causes it."""

import threading
from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, delete, func, insert, select
from sqlalchemy.orm import Session

from chassis.base_model import new_id
from chassis.database import after_commit
from chassis.messaging.event import Event, check_type
from chassis.messaging.tables import outbox
from chassis.request_id import current_request_id
from chassis.tracing import current_traceparent

EVENT, TASK = "event", "task"
PURGE_BATCH = 1000
_INSERT = insert(outbox)

# Set when this process has committed rows: the relay, where it is a thread of the same, looks at
# once. What other processes have committed it finds when it looks by itself.
committed = threading.Event()


def record(session: Session, type: str, subject: UUID | str, data: dict[str, Any]) -> UUID:
    """Write an event into the caller's transaction and return its id; the relay publishes it.

    type: such as `order.placed.v1`. subject: id of the aggregate; the events of one subject are
    published in the order of their rows, so its row is locked or changed before this call.
    Raises MalformedEvent for a type of another form.
    """
    return _write(session, EVENT, check_type(type), str(subject), data)


def enqueue(session: Session, task: str, **kwargs: Any) -> UUID:
    """Write a Celery task of this service into the caller's transaction; return the task's id.

    kwargs: the task's arguments, JSON values only. Sending it here would lose it with a rollback,
    and could hang the request under a broker alarm.
    """
    return _write(session, TASK, task, task, kwargs)


def _write(session: Session, kind: str, type: str, subject: str, payload: dict[str, Any]) -> UUID:
    # A Core insert does not flush by itself. The change of the aggregate has to reach the database,
    # and lock its row, before this row takes its id: otherwise two transactions could commit in
    # the other order than their ids.
    session.flush()
    event_id = new_id()
    headers = {"requestid": current_request_id(), "traceparent": current_traceparent()}
    row = {
        "event_id": event_id,
        "kind": kind,
        "type": type,
        "subject": subject,
        "payload": payload,
        "headers": {name: value for name, value in headers.items() if value is not None},
    }
    session.execute(_INSERT, row)
    after_commit(session, _tell_relay, [event_id])
    return event_id


def _tell_relay(_events: set[UUID]) -> None:
    committed.set()


def to_event(row: Row[Any], source: str) -> Event:
    """Return the event of an outbox row; source: the producer, such as `/orders`."""
    return Event(
        id=row.event_id,
        type=row.type,
        source=source,
        subject=row.subject,
        time=row.created_at,
        data=row.payload,
        sequence=row.id,
        request_id=row.headers.get("requestid"),
        traceparent=row.headers.get("traceparent"),
    )


def count_pending(connection: Connection | Session) -> int:
    """Return how many rows wait for the relay."""
    statement = select(func.count()).select_from(outbox).where(outbox.c.sent_at.is_(None))
    return int(connection.execute(statement).scalar_one())


def purge_sent(connection: Connection, older_than: timedelta = timedelta(days=7)) -> int:
    """Delete sent rows of that age, a thousand at a time; return how many.

    The connection is in autocommit mode, so that no long transaction holds the vacuum back.
    """
    old = outbox.c.sent_at < func.now() - older_than
    batch = select(outbox.c.id).where(old).order_by(outbox.c.sent_at).limit(PURGE_BATCH)
    return sum(_batches(connection, delete(outbox).where(outbox.c.id.in_(batch))))


def _batches(connection: Connection, statement: Any) -> Iterable[int]:
    while deleted := connection.execute(statement).rowcount:
        yield deleted
        if deleted < PURGE_BATCH:
            return
