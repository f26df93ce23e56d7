"""Sessions, transactions and reads on a service's own Postgres."""

import logging
import random
import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from flask import Flask, current_app
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as RoutingSession
from sqlalchemy import Connection, Engine, Executable, MetaData, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from chassis.answer_watch import WatchedConnection
from chassis.config import ServiceConfig
from chassis.statements import watched_cursor

logger = logging.getLogger(__name__)
T = TypeVar("T")

# The key below which the testing plugin puts the connection whose transaction it rolls back.
TEST_CONNECTION = "chassis.test_connection"
_READER = "chassis.reader"
_AFTER_COMMIT = "chassis.after_commit"

# SQLSTATEs after which the whole transaction can be run again (PostgreSQL, appendix A).
SERIALIZATION_FAILURE, DEADLOCK_DETECTED = "40001", "40P01"

# Times come back in UTC, wherever the server stands.
_SESSION_OPTIONS = (
    "-c statement_timeout=5000 -c lock_timeout=2000 -c idle_in_transaction_session_timeout=10000"
    " -c timezone=UTC"
)
_CONNECT_ARGS = {
    "connect_timeout": 3,
    "tcp_user_timeout": 5000,
    "keepalives_idle": 5,
    "options": _SESSION_OPTIONS,
}


class ServiceSession(RoutingSession):
    """Flask-SQLAlchemy's session, except that a test's connection wins over the engine.

    Its own `get_bind` always answers with the engine, so that a test's rollback would do nothing.
    """

    def get_bind(self, *args: Any, **kwargs: Any) -> Engine | Connection:
        connection = current_app.extensions.get(TEST_CONNECTION)
        return connection if connection is not None else super().get_bind(*args, **kwargs)


def create_database(metadata: MetaData) -> SQLAlchemy:
    """Return the unbound Flask-SQLAlchemy extension of a service; `create_service` binds it.

    Objects stay readable after the commit, because views dump them then.
    """
    return SQLAlchemy(
        metadata=metadata,
        session_options={
            "class_": ServiceSession,
            "expire_on_commit": False,
            "join_transaction_mode": "create_savepoint",
        },
    )


def init_app(app: Flask, db: SQLAlchemy, config: ServiceConfig) -> None:
    """Bind `db` to the app and make the reader's engine; opens no connection."""
    connect_args = {
        **_CONNECT_ARGS,
        "connection_factory": WatchedConnection,
        "cursor_factory": watched_cursor(config.slow_query_seconds),
    }
    app.config["SQLALCHEMY_DATABASE_URI"] = config.database_url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {
        "pool_size": config.db_pool_size,
        "max_overflow": 0,
        # A request that finds no connection within 3 s is told to come back (503).
        "pool_timeout": 3,
        "pool_pre_ping": True,
        "pool_recycle": 1800,
        # An error's text would carry the values of its statement into the log.
        "hide_parameters": True,
        "connect_args": connect_args,
    }
    db.init_app(app)
    # Hot reads need neither BEGIN nor ROLLBACK nor a ping: three round trips fewer a request.
    app.extensions[_READER] = create_engine(
        config.database_url,
        isolation_level="AUTOCOMMIT",
        pool_size=config.db_pool_size,
        max_overflow=0,
        pool_timeout=3,
        pool_recycle=1800,
        hide_parameters=True,
        pool_reset_on_return=None,
        connect_args=connect_args,
    )


def current_session() -> Session:
    """Return the session of the current app context."""
    return cast(Session, current_app.extensions["sqlalchemy"].session())


@contextmanager
def transaction() -> Iterator[Session]:
    """Open a transaction: commit when the block ends, roll back when it raises.

    Inside another `transaction()` of the same app context it joins that one and leaves the commit
    to it. This is the only place that commits; who is given a session never does.
    """
    session = current_session()
    if session.info.get("open"):
        yield session
        return
    session.info["open"] = True
    try:
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        session.info.pop(_AFTER_COMMIT, None)
        raise
    finally:
        session.info["open"] = False
    _run_after_commit(session)


def after_commit(
    session: Session, action: Callable[[set[Any]], None], items: Iterable[Hashable]
) -> None:
    """Call `action` once the transaction of `session` has committed; never when it rolled back.

    items: all that the transaction names for one `action` are given to it together. What it raises
    is logged: the commit stands. A process that dies in between never calls it, so that what must
    not be lost goes through the outbox.
    """
    session.info.setdefault(_AFTER_COMMIT, {}).setdefault(action, set()).update(items)


def _run_after_commit(session: Session) -> None:
    for action, items in session.info.pop(_AFTER_COMMIT, {}).items():
        try:
            action(items)
        except Exception:
            logger.exception("action after a commit failed")


@contextmanager
def reading() -> Iterator[Connection]:
    """Open an autocommit connection for hot reads with SQLAlchemy Core."""
    connection = current_app.extensions.get(TEST_CONNECTION)
    if connection is not None:
        yield connection
        return
    with current_app.extensions[_READER].connect() as connection:
        yield connection


def fetch_all(
    statement: Executable, parameters: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Run a hot read and return its rows as dicts; one retry where the connection had died."""
    for attempt in (1, 2):
        try:
            with reading() as connection:
                result = connection.execute(statement, parameters)
                names = tuple(result.keys())
                return [dict(zip(names, row, strict=True)) for row in result]
        except DBAPIError as error:
            if attempt == 2 or not error.connection_invalidated:
                raise
    raise AssertionError("unreachable")


def sqlstate(error: BaseException) -> str:
    """Return the SQLSTATE of a database error, or an empty string."""
    return getattr(getattr(error, "orig", None), "pgcode", None) or ""


def retry_conflicts(work: Callable[[], T], attempts: int = 5) -> T:
    """Run `work`, which opens its own transaction, again after a deadlock or serialization failure.

    Raises the last error after `attempts` tries; any other error at once.
    """
    for attempt in range(1, attempts):
        try:
            return work()
        except DBAPIError as error:
            if sqlstate(error) not in (SERIALIZATION_FAILURE, DEADLOCK_DETECTED):
                raise
        # The other transaction of the deadlock is running: give it a moment, differently each time.
        time.sleep(random.uniform(0.005, 0.05) * attempt)
    return work()


def dispose_engines(app: Flask) -> None:
    """Close every pooled connection of the app, for instance at the end of a test."""
    with app.app_context():
        app.extensions["sqlalchemy"].engine.dispose()
    app.extensions[_READER].dispose()
