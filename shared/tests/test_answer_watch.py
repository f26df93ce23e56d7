"""A database that holds its connections and does not answer costs seconds, not threads."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import psycopg2
import pytest
from flask import Flask
from psycopg2.extensions import connection
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from chassis.answer_watch import WatchedConnection
from chassis.database import transaction
from chassis.errors import as_service_error
from chassis.statements import watched_cursor

# Longer than any test may take: only the watch ends it.
SILENCE = "SELECT pg_sleep(600)"
DOZING_COMMIT = """
    CREATE TEMP TABLE notes (id int);
    CREATE FUNCTION pg_temp.doze() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_sleep(600); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER doze AFTER INSERT ON notes DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION pg_temp.doze();
    INSERT INTO notes VALUES (1)
"""


@pytest.fixture
def dsn(postgres_server: Any) -> str:
    """Address of the test run's Postgres, for the driver and as its superuser."""
    url: str = postgres_server.url("postgres")
    return url.replace("postgresql+psycopg2:", "postgresql:")


@pytest.fixture
def end_backend(dsn: str) -> Iterator[Callable[[connection], None]]:
    """End a server process after the test: it does not notice that its client has gone."""
    pids: list[int] = []
    yield lambda made: pids.append(made.info.backend_pid)
    with closing(psycopg2.connect(dsn)) as other, other.cursor() as cursor:
        for pid in pids:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])


@pytest.fixture
def connect(
    dsn: str, end_backend: Callable[[connection], None]
) -> Iterator[Callable[[], WatchedConnection]]:
    """Make connections as a service has them."""
    with ExitStack() as stack:

        def make() -> WatchedConnection:
            made = psycopg2.connect(
                dsn, connection_factory=WatchedConnection, cursor_factory=watched_cursor(0.0)
            )
            stack.enter_context(closing(made))
            end_backend(made)
            return made

        yield make


def test_a_statement_without_an_answer_ends_with_its_connection(
    connect: Callable[[], WatchedConnection],
) -> None:
    silent = connect()
    silent.answer_seconds = 0.1
    with silent.cursor() as cursor, pytest.raises(psycopg2.OperationalError):
        cursor.execute(SILENCE)
    assert silent.closed


def test_a_commit_without_an_answer_ends_with_its_connection(
    connect: Callable[[], WatchedConnection],
) -> None:
    silent = connect()
    with silent.cursor() as cursor:
        cursor.execute(DOZING_COMMIT)
    silent.answer_seconds = 0.1
    with pytest.raises(psycopg2.OperationalError):
        silent.commit()
    assert silent.closed


def test_a_connection_that_waits_for_nothing_is_left_alone(
    connect: Callable[[], WatchedConnection],
) -> None:
    silent, idle = connect(), connect()
    with idle.cursor() as cursor:
        cursor.execute("SELECT 1")
        idle.answer_seconds = silent.answer_seconds = 0.1
        # Its end shows that the watch has looked at both.
        with silent.cursor() as other, pytest.raises(psycopg2.OperationalError):
            other.execute(SILENCE)
        idle.answer_seconds = WatchedConnection.answer_seconds
        cursor.execute("SELECT 2")
        assert cursor.fetchone() == (2,)


def test_a_silent_database_is_a_503_and_the_next_transaction_gets_a_new_connection(
    live_app: Flask, end_backend: Callable[[connection], None]
) -> None:
    with live_app.app_context():
        with pytest.raises(OperationalError) as raised, transaction() as session:
            used: Any = session.connection().connection.driver_connection
            end_backend(used)
            session.execute(text("SET LOCAL statement_timeout = 0"))
            used.answer_seconds = 0.1
            session.execute(text(SILENCE))
        error = as_service_error(raised.value)
        assert error is not None
        assert (error.status, error.code) == (503, "database_unavailable")
        with transaction() as session:
            assert session.scalar(text("SELECT 1")) == 1
