"""Sends what stands in the outbox: events to the bus, tasks to Celery; nothing else publishes.

One relay at a time works on a database, under a session lock of its connection: several that share
the rows with SKIP LOCKED reorder the events of one aggregate. Rows are polled rather than read
behind a cursor, because transactions commit in another order than that of their ids.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, or_, select, text, update
from sqlalchemy.exc import SQLAlchemyError

from chassis import idempotency
from chassis.messaging import inbox, outbox
from chassis.messaging.backoff import Backoff
from chassis.messaging.bus import Bus, BusUnavailable, Published, PublishResult
from chassis.messaging.locks import RELAY_LOCK, held_lock
from chassis.messaging.tables import outbox as table

logger = logging.getLogger(__name__)

# Seconds before an event that nobody takes is tried again.
GROWING_DELAYS = (1, 5, 30, 300)
PURGE_SECONDS = 3600.0
# Asked twenty times a second, mostly in vain: a tenth of the work of the whole query.
_PENDING = text("SELECT 1 FROM outbox WHERE sent_at IS NULL LIMIT 1")

SendTask = Callable[[Row[Any]], None]
"""Sends one task row to Celery; raises BusUnavailable when the broker does not take it."""


@dataclass(frozen=True, kw_only=True)
class RelayOptions:
    """source: the producer in its events, such as `/orders`. unconsumed: types without consumer
    by declaration. batch: rows at a time. poll, standby: seconds between looks at the outbox,
    unless this process writes there, and between attempts to get the lock."""

    source: str
    unconsumed: frozenset[str] = frozenset()
    batch: int = 100
    poll: float = 0.05
    standby: float = 1.0


class Relay:
    """Runs in a thread of the worker; `send_task` is None where the service has no tasks."""

    def __init__(
        self, database_url: str, bus: Bus, options: RelayOptions, send_task: SendTask | None = None
    ) -> None:
        self._database_url, self._bus, self._options = database_url, bus, options
        self._send_task = send_task
        # Subjects whose first pending event failed, and when it is due again. Only the holder of
        # the lock changes these rows, so its memory is right.
        self._waiting: dict[str, float] = {}
        self._purged = 0.0

    def run(self, stop: threading.Event, beat: Callable[[], None] = lambda: None) -> None:
        """Relay until `stop`; reconnects to the database and the broker by itself."""
        backoff = Backoff()
        while not stop.is_set():
            beat()
            try:
                lock = held_lock(
                    self._database_url, RELAY_LOCK, stop, beat, standby=self._options.standby
                )
                with lock as connection:
                    if connection is not None:
                        self._load_waiting(connection)
                        self._relay(connection, stop, beat, backoff)
            except SQLAlchemyError as error:
                wait = backoff.next()
                logger.warning("relay lost the database", extra=_reason(error, wait))
                stop.wait(wait)

    def _relay(
        self,
        connection: Connection,
        stop: threading.Event,
        beat: Callable[[], None],
        backoff: Backoff,
    ) -> None:
        while not stop.is_set():
            try:
                sent = self.send_due(connection)
                backoff.reset()
            except BusUnavailable as error:
                wait = backoff.next()
                logger.warning("relay lost the broker", extra=_reason(error, wait))
                stop.wait(wait)
                sent = 0
            beat()
            if sent == 0:
                self._purge(connection)
                outbox.committed.wait(self._options.poll)
                # Before the next look: whoever sets it later has committed what that may not see.
                outbox.committed.clear()

    def send_due(self, connection: Connection) -> int:
        """Send one batch of due rows and return how many were sent.

        The connection is in autocommit mode: no transaction is open while the broker is asked.
        Raises BusUnavailable; what was not confirmed then stays pending.
        """
        rows = self._due_rows(connection)
        events = [row for row in rows if row.kind == outbox.EVENT]
        sent = 0
        for wave in _waves(events):
            sent += self._publish(
                connection, [row for row in wave if row.subject not in self._waiting]
            )
        for row in rows:
            if row.kind == outbox.TASK and self._send_task is not None:
                self._send_task(row)
                _mark_sent(connection, [row.id])
                sent += 1
        return sent

    def _due_rows(self, connection: Connection) -> Sequence[Row[Any]]:
        if connection.execute(_PENDING).first() is None:
            return []
        now = time.monotonic()
        self._waiting = {subject: due for subject, due in self._waiting.items() if due > now}
        statement = (
            select(table)
            .where(table.c.sent_at.is_(None))
            .where(or_(table.c.next_attempt_at.is_(None), table.c.next_attempt_at <= func.now()))
            .order_by(table.c.id)
            .limit(self._options.batch)
        )
        if self._waiting:
            free = table.c.subject.not_in(list(self._waiting))
            statement = statement.where(or_(table.c.kind == outbox.TASK, free))
        if self._send_task is None:
            statement = statement.where(table.c.kind == outbox.EVENT)
        return connection.execute(statement).all()

    def _publish(self, connection: Connection, rows: list[Row[Any]]) -> int:
        """Publish one wave and write down its outcome; return how many were sent."""
        if not rows:
            return 0
        events = [outbox.to_event(row, self._options.source) for row in rows]
        results = self._bus.publish(events)
        sent = [
            row.id for row, result in zip(rows, results, strict=True) if self._counts(row, result)
        ]
        _mark_sent(connection, sent)
        for row, result in zip(rows, results, strict=True):
            if row.id not in sent:
                self._postpone(connection, row, result.outcome.value)
        return len(sent)

    def _counts(self, row: Row[Any], result: PublishResult) -> bool:
        """Tell whether the event is done with: stored, or declared as wanted by nobody yet."""
        if result.outcome is Published.UNROUTABLE:
            return row.type in self._options.unconsumed
        return result.outcome is Published.CONFIRMED

    def _postpone(self, connection: Connection, row: Row[Any], reason: str) -> None:
        delay = GROWING_DELAYS[min(row.attempts, len(GROWING_DELAYS) - 1)]
        ids = {"event_id": str(row.event_id), "event_type": row.type, "attempts": row.attempts + 1}
        logger.error(
            "event not taken by the broker", extra={**ids, "reason": reason, "delay": delay}
        )
        due = func.now() + timedelta(seconds=delay)
        values = {"attempts": row.attempts + 1, "last_error": reason, "next_attempt_at": due}
        connection.execute(update(table).where(table.c.id == row.id).values(values))
        self._waiting[row.subject] = time.monotonic() + delay

    def _load_waiting(self, connection: Connection) -> None:
        """Read which subjects the previous holder of the lock found waiting."""
        seconds = func.extract("epoch", table.c.next_attempt_at - func.now())
        statement = select(table.c.subject, seconds).where(
            table.c.sent_at.is_(None),
            table.c.kind == outbox.EVENT,
            table.c.next_attempt_at > func.now(),
        )
        found = connection.execute(statement).all()
        # Read after the answer: never earlier than the server's own time, or a later event of the
        # subject could slip by.
        now = time.monotonic()
        self._waiting = {subject: now + float(left) for subject, left in found}

    def _purge(self, connection: Connection) -> None:
        """Once an hour, in a quiet moment, forget what nobody can ask for any more.

        Beside the messages the answers kept for idempotency keys: both are growth of the chassis'
        own tables, and whoever holds the relay's lock is the only one to look after them.
        """
        if self._purged and time.monotonic() - self._purged < PURGE_SECONDS:
            return
        self._purged = time.monotonic()
        counts = {
            "sent": outbox.purge_sent(connection),
            "seen": inbox.purge(connection),
            "answers": idempotency.purge_expired(connection),
        }
        logger.info("old rows purged", extra=counts)


def _waves(rows: Sequence[Row[Any]]) -> Iterator[list[Row[Any]]]:
    """Split rows so that no wave has two of one subject, keeping each subject's order.

    A wave is confirmed before the next one is published. In one batch the broker could refuse the
    first event of a subject and take the second.
    """
    rest = list(rows)
    while rest:
        seen: set[str] = set()
        wave: list[Row[Any]] = []
        later: list[Row[Any]] = []
        for row in rest:
            (later if row.subject in seen else wave).append(row)
            seen.add(row.subject)
        yield wave
        rest = later


def _mark_sent(connection: Connection, ids: list[int]) -> None:
    if ids:
        connection.execute(update(table).where(table.c.id.in_(ids)).values(sent_at=func.now()))


def _reason(error: Exception, wait: float) -> dict[str, Any]:
    return {"reason": f"{type(error).__name__}: {error}"[:300], "wait": round(wait, 1)}
