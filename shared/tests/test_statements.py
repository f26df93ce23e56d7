"""Statements in the log: how long they took, for whose request, and none of their values."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from typing import Any

import pytest
from demo_service import create_app
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from chassis import logging as platform_logging
from chassis import migrations
from chassis.database import dispose_engines, fetch_all, transaction
from chassis.request_id import set_request_id
from chassis.tracing import set_traceparent

Lines = Callable[[], list[dict[str, Any]]]
ANSWER = "SELECT CAST(:secret AS text) AS answer"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What is logged from INFO on, as text; logging is put back afterwards."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    with redirect_stdout(stream):
        platform_logging.configure("demo", "INFO")
    set_request_id("request-123")
    set_traceparent(None)
    yield stream
    set_request_id(None)
    root.handlers[:] = before
    root.setLevel(level)


@pytest.fixture
def lines(written: io.StringIO) -> Lines:
    """Return the lines of statements so far."""

    def read() -> list[dict[str, Any]]:
        found = [json.loads(line) for line in written.getvalue().splitlines()]
        return [line for line in found if line["logger"] == "chassis.statements"]

    return read


@pytest.fixture(scope="module")
def make(services: Any, service: str) -> Iterator[Callable[[float], Flask]]:
    """Make an app with its own limit of slowness on one database."""
    config, apps = services.config(service), list[Flask]()
    migrations.migrate(create_app(config))

    def with_limit(seconds: float) -> Flask:
        settings = {**vars(config), "slow_query_seconds": seconds}
        level = logging.getLogger().level
        handlers = logging.getLogger().handlers[:]
        apps.append(create_app(type(config)(**settings)))
        logging.getLogger().handlers[:] = handlers
        logging.getLogger().setLevel(level)
        return apps[-1]

    yield with_limit
    for app in apps:
        dispose_engines(app)


def run(app: Flask, statement: str = ANSWER) -> None:
    """Run a statement through the session and through the reader."""
    with app.app_context():
        with transaction() as session:
            session.execute(text(statement), {"secret": "hunter2"}).all()
        fetch_all(text(statement), {"secret": "hunter2"})


def test_a_slow_statement_is_logged_with_duration_rows_and_request(
    make: Callable[[float], Flask], lines: Lines, written: io.StringIO
) -> None:
    run(make(0.02), "SELECT CAST(:secret AS text)\n    AS answer, pg_sleep(0.03)")
    by_session, by_reader = lines()
    assert by_session["event"] == by_reader["event"] == "slow statement"
    assert by_session["statement"] == ("SELECT CAST(%(secret)s AS text) AS answer, pg_sleep(0.03)")
    assert (by_session["level"], by_session["request_id"]) == ("warning", "request-123")
    assert by_session["ms"] >= 30 and by_session["rows"] == 1
    assert "hunter2" not in written.getvalue()


def test_a_slow_statement_that_fails_is_logged_with_its_sqlstate(
    make: Callable[[float], Flask], lines: Lines
) -> None:
    app = make(0.02)
    with app.app_context(), pytest.raises(DBAPIError), transaction() as session:
        session.execute(text("SET LOCAL statement_timeout = 30"))
        session.execute(text("SELECT pg_sleep(5)"))
    (line,) = lines()
    assert (line["statement"], line["error"]) == ("SELECT pg_sleep(5)", "57014")


def test_fast_statements_are_not_logged(make: Callable[[float], Flask], lines: Lines) -> None:
    run(make(5.0))
    assert lines() == []


def test_a_limit_of_zero_switches_the_log_off(make: Callable[[float], Flask], lines: Lines) -> None:
    run(make(0.0), "SELECT CAST(:secret AS text), pg_sleep(0.03)")
    assert lines() == []


def test_debug_logs_every_statement_and_can_come_at_run_time(
    make: Callable[[float], Flask], lines: Lines, written: io.StringIO
) -> None:
    app = make(0.0)
    run(app)
    logging.getLogger().setLevel(logging.DEBUG)
    run(app)
    logging.getLogger().setLevel(logging.INFO)
    run(app)
    logged = [line for line in lines() if "answer" in line["statement"]]
    assert [line["statement"] for line in logged] == [
        "SELECT CAST(%(secret)s AS text) AS answer"
    ] * 2
    assert {(line["event"], line["level"], line["rows"]) for line in logged} == {
        ("statement", "debug", 1)
    }
    assert "hunter2" not in written.getvalue()


def test_statements_that_carry_their_values_are_not_shown(
    make: Callable[[float], Flask], lines: Lines, written: io.StringIO
) -> None:
    app = make(0.0)
    logging.getLogger().setLevel(logging.DEBUG)
    with app.app_context(), transaction() as session:
        driver = session.connection().connection.driver_connection
        assert driver is not None
        with driver.cursor() as cursor:
            cursor.execute(b"SELECT 'hunter2'")
    assert "(not shown)" in [line["statement"] for line in lines()]
    assert "hunter2" not in written.getvalue()
