"""Ends the wait for a database server that keeps its connections and does not answer.

A server that is stopped, or whose disk hangs, cannot keep its own `statement_timeout`, and its
kernel goes on acknowledging, so that no time-out of TCP helps: libpq would wait without end, and
one thread after the other with it.
"""

import logging
import math
import os
import socket
import threading
import time
from contextlib import suppress

import psycopg2
from psycopg2.extensions import connection

logger = logging.getLogger(__name__)

_LOOK_EVERY = 1.0


class AnswerWatch:
    """Shuts down the connections whose answer is overdue; one thread looks at all of them."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Start anew, in a child: the thread is the parent's, and may have held the lock."""
        self._lock = threading.Lock()
        self._due: dict[connection, float] = {}
        self._thread: threading.Thread | None = None

    def expect(self, asked: connection, seconds: float) -> None:
        """Note that an answer is due in `seconds`; `answered` has to follow, whatever comes."""
        with self._lock:
            self._due[asked] = time.monotonic() + seconds
            if self._thread is None:
                # A daemon, because it has nothing to finish when the process ends.
                self._thread = threading.Thread(target=self._look, name="answers", daemon=True)
                self._thread.start()

    def answered(self, asked: connection) -> None:
        """Note that nothing is waited for any more."""
        # Waits for `_cut`: a socket that is closed there and then gives its number to another.
        with self._lock:
            self._due.pop(asked, None)

    def _look(self) -> None:
        while True:
            time.sleep(_LOOK_EVERY)
            if given_up := self._give_up_overdue():
                # Outside the lock, for which every statement waits.
                logger.warning("the database does not answer", extra={"given_up": given_up})

    def _give_up_overdue(self) -> int:
        with self._lock:
            now = time.monotonic()
            overdue = [asked for asked, due in self._due.items() if due < now]
            for asked in overdue:
                self._due[asked] = math.inf
                _cut(asked)
        return len(overdue)


def _cut(asked: connection) -> None:
    """Make the driver, in whichever thread it waits, see the end of the connection."""
    # An error says that it has ended at this moment.
    with (
        suppress(OSError, psycopg2.Error),
        socket.socket(fileno=os.dup(asked.fileno())) as line,
    ):
        line.shutdown(socket.SHUT_RDWR)


WATCH = AnswerWatch()
os.register_at_fork(after_in_child=WATCH.forget)


class WatchedConnection(connection):
    """A connection that is given up when an answer takes longer than `answer_seconds`.

    Its cursors have to be `chassis.statements.WatchedCursor`.
    """

    # The server ends a statement after 5 s; three more for a machine that is busy.
    answer_seconds = 8.0

    def commit(self) -> None:
        """Commit; raises psycopg2.OperationalError where the server stays silent."""
        WATCH.expect(self, self.answer_seconds)
        try:
            super().commit()
        finally:
            WATCH.answered(self)

    def rollback(self) -> None:
        """Roll back; raises psycopg2.OperationalError where the server stays silent."""
        WATCH.expect(self, self.answer_seconds)
        try:
            super().rollback()
        finally:
            WATCH.answered(self)
