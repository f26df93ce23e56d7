"""Logs of SQL statements with their duration: slow ones as warnings, all of them at DEBUG.

A cursor of the driver is where every statement passes, SQLAlchemy's and those of hot reads that
spare themselves SQLAlchemy. What is logged is the text with its placeholders, never a value.
"""

import logging
import re
import time
from typing import Any

import psycopg2
from psycopg2.extensions import cursor

from chassis.answer_watch import WATCH, WatchedConnection

logger = logging.getLogger(__name__)
_LONGEST_TEXT = 1000
_BLANKS = re.compile(r"\s+")


class WatchedCursor(cursor):
    """A cursor that logs, of a `WatchedConnection`; `watched_cursor` makes a service's class."""

    slow_seconds = 0.0
    connection: WatchedConnection

    def execute(self, query: Any, vars: Any = None) -> None:
        """Run a statement; its time includes the wait for locks."""
        WATCH.expect(self.connection, self.connection.answer_seconds)
        try:
            self._execute(query, vars)
        finally:
            WATCH.answered(self.connection)

    def _execute(self, query: Any, vars: Any) -> None:
        every = logger.isEnabledFor(logging.DEBUG)
        if not every and not self.slow_seconds:
            super().execute(query, vars)
            return
        started, failed = time.perf_counter(), None
        try:
            super().execute(query, vars)
        except psycopg2.Error as error:
            failed = error.pgcode or type(error).__name__
            raise
        finally:
            elapsed = time.perf_counter() - started
            if self.slow_seconds and elapsed >= self.slow_seconds:
                _log(logging.WARNING, "slow statement", query, elapsed, self.rowcount, failed)
            elif every:
                _log(logging.DEBUG, "statement", query, elapsed, self.rowcount, failed)


def watched_cursor(slow_seconds: float) -> type[WatchedCursor]:
    """Return the `cursor_factory` of a service's connections.

    slow_seconds: from here on a statement is logged as slow; 0: none is. At level DEBUG, which may
    be set at run time, every statement is logged.
    """
    return type("WatchedCursor", (WatchedCursor,), {"slow_seconds": slow_seconds})


def _log(level: int, event: str, query: Any, seconds: float, rows: int, error: str | None) -> None:
    # Bytes and composed statements may hold values (psycopg2.extras.execute_batch writes them in).
    text = _BLANKS.sub(" ", query).strip() if isinstance(query, str) else "(not shown)"
    fields: dict[str, Any] = {
        "statement": text[:_LONGEST_TEXT],
        "ms": round(seconds * 1000, 2),
        "rows": rows if rows >= 0 else None,
        "error": error,
    }
    logger.log(level, event, extra={name: v for name, v in fields.items() if v is not None})
