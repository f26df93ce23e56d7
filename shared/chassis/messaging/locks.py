"""Work that one process at a time does for a database: the one that holds an advisory lock."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

# Every service has a database of its own, so that any constants will do; `migrations` has 7301985.
RELAY_LOCK = 7_301_986
TICKER_LOCK = 7_301_987

_CONNECT_ARGS = {
    "connect_timeout": 3,
    # A dead link is noticed within seconds, on our side by these and on the server's by its own.
    "tcp_user_timeout": 5000,
    "keepalives_idle": 5,
    "options": "-c statement_timeout=10000 -c tcp_keepalives_idle=5 -c tcp_keepalives_count=3"
    " -c tcp_keepalives_interval=2",
}


_TRY = text("SELECT pg_try_advisory_lock(:key)")


@contextmanager
def held_lock(
    database_url: str, key: int, stop: Event, beat: Callable[[], None], *, standby: float = 1.0
) -> Iterator[Connection | None]:
    """Wait for the lock on a connection of its own, in autocommit mode, and yield that connection.

    Yields None when `stop` came first. standby: seconds between attempts; `beat` is called at each.
    The lock ends with the connection, however the process dies. It needs a session, so that a
    pooler in transaction mode must not stand in between. Raises OperationalError.
    """
    engine = create_engine(
        database_url,
        isolation_level="AUTOCOMMIT",
        poolclass=NullPool,
        connect_args=_CONNECT_ARGS,
        # What is in an outbox row must not show up in a log with an error.
        hide_parameters=True,
    )
    with engine.connect() as connection:
        while not connection.execute(_TRY, {"key": key}).scalar_one():
            beat()
            if stop.wait(standby):
                yield None
                return
        yield connection
