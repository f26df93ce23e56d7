"""Transactions: conflicts are run again as a whole, an absent database is a 503."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from demo_service import create_app
from demo_service.models import Widget
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text

from chassis.database import current_session, dispose_engines, transaction

Hook = Callable[[Callable[[], Any]], None]


def raise_in_postgres(state: str) -> None:
    """Fail the current transaction with this SQLSTATE, as Postgres itself would."""
    current_session().execute(text(f"DO $$ BEGIN RAISE SQLSTATE '{state}'; END $$"))


class FirstTime:
    """A barrier that each thread meets once: not again when its request is retried."""

    def __init__(self, parties: int) -> None:
        self._barrier = threading.Barrier(parties, timeout=10)
        self._met = threading.local()
        self.calls = 0

    def __call__(self) -> None:
        self.calls += 1
        if not getattr(self._met, "already", False):
            self._met.already = True
            self._barrier.wait()


def add(app: Flask, *names: str) -> list[Any]:
    with app.app_context(), transaction() as session:
        widgets = [Widget(name=name, quantity=10) for name in names]
        session.add_all(widgets)
        session.flush()
        return [widget.id for widget in widgets]


def quantities(app: Flask) -> dict[str, int]:
    with app.app_context(), transaction() as session:
        return {widget.name: widget.quantity for widget in session.scalars(select(Widget))}


def both(app: Flask, *paths: str) -> list[int]:
    """Post to the paths at the same time; returns the statuses."""
    with ThreadPoolExecutor(len(paths)) as pool:
        return list(pool.map(lambda path: app.test_client().post(path).status_code, paths))


def test_the_loser_of_a_deadlock_is_run_again(live_app: Flask, before_commit: Hook) -> None:
    one, two = add(live_app, "one", "two")
    meeting = FirstTime(2)
    before_commit(meeting)
    paths = f"/api/demo/transfers/{one}/{two}", f"/api/demo/transfers/{two}/{one}"
    assert both(live_app, *paths) == [200, 200]
    # Two views of two changes each, and one more change at least of the one that lost.
    assert meeting.calls >= 5
    assert quantities(live_app) == {"one": 10, "two": 10}


def test_a_serialization_failure_is_run_again(live_app: Flask, before_commit: Hook) -> None:
    add(live_app, "one")
    before_commit(FirstTime(2))
    assert both(live_app, "/api/demo/counts", "/api/demo/counts") == [200, 200]
    # The second one has counted what the first one added, as if it had come later.
    assert quantities(live_app) == {"one": 10, "total 10": 10, "total 20": 20}


@pytest.mark.parametrize(
    ("state", "status", "code", "attempts"),
    [
        ("40001", 503, "database_busy", 5),
        ("40P01", 503, "database_busy", 5),
        ("55P03", 503, "database_busy", 1),
        ("57014", 503, "database_busy", 1),
        ("53300", 503, "database_busy", 1),
        ("23505", 409, "conflict", 1),
        ("23503", 409, "conflict", 1),
        ("23514", 409, "conflict", 1),
        ("23502", 422, "validation_failed", 1),
        ("22003", 422, "validation_failed", 1),
        ("22P02", 422, "validation_failed", 1),
        ("42P01", 500, "internal_error", 1),
    ],
)
def test_what_postgres_says_becomes_a_status(
    client: FlaskClient, before_commit: Hook, state: str, status: int, code: str, attempts: int
) -> None:
    calls: list[int] = []
    before_commit(lambda: (calls.append(1), raise_in_postgres(state)))
    answer = client.post("/api/demo/", json={"name": "a"})
    assert (answer.status_code, answer.json["code"], len(calls)) == (status, code, attempts)
    assert ("Retry-After" in answer.headers) is (status == 503)
    before_commit(lambda: None)
    assert client.get("/api/demo/").json["data"] == []


@pytest.fixture
def orphan(services: Any, service: str, closed_port: int) -> FlaskClient:
    """A client of an app whose database is down."""
    url = f"postgresql+psycopg2://nobody:s3cret@127.0.0.1:{closed_port}/nothing"
    app: Flask = create_app(services.config(service, database_url=url))
    return app.test_client()


@pytest.mark.parametrize("path", ["/api/demo/", "/api/demo/hot"])
def test_a_database_that_is_down_is_a_503(orphan: FlaskClient, path: str) -> None:
    answer = orphan.get(path)
    assert (answer.status_code, answer.json["code"]) == (503, "database_unavailable")
    assert answer.headers["Retry-After"] == "2"
    assert b"s3cret" not in answer.data and b"127.0.0.1" not in answer.data


def terminate_others() -> None:
    current_session().execute(
        text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            # Postgres' own helpers, such as autovacuum, may not be ended.
            " AND backend_type = 'client backend'"
        )
    )


def test_a_database_that_restarted_is_not_noticed(live_app: Flask) -> None:
    client = live_app.test_client()
    add(live_app, "one")
    for path in ("/api/demo/", "/api/demo/hot"):
        assert client.get(path).status_code == 200
    with live_app.app_context(), transaction():
        terminate_others()
    for path in ("/api/demo/", "/api/demo/hot", "/api/demo/hot"):
        assert client.get(path).status_code == 200, path


def test_a_connection_lost_in_a_transaction_undoes_it(live_app: Flask, before_commit: Hook) -> None:
    def kill() -> None:
        current_session().execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    before_commit(kill)
    answer = live_app.test_client().post("/api/demo/", json={"name": "a"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (
        503,
        answer.headers["Retry-After"],
    )
    assert quantities(live_app) == {}


def test_no_free_connection_is_a_503(
    services: Any, service: str, live_app: Flask, before_commit: Hook
) -> None:
    config = services.config(
        service, database_url=live_app.config["SETTINGS"].database_url, db_pool_size=1
    )
    app: Flask = create_app(config)
    with app.app_context(), transaction() as session:
        session.execute(text("SELECT 1"))
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(app.test_client().get, "/api/demo/").result()
    dispose_engines(app)
    assert (answer.status_code, answer.json["code"]) == (503, "database_busy")
    assert answer.headers["Retry-After"] == "1"


def test_an_inner_transaction_joins_the_outer_one(app: Flask) -> None:
    with app.app_context():
        with pytest.raises(RuntimeError), transaction() as outer:
            with transaction() as inner:
                assert inner is outer
                inner.add(Widget(name="inner"))
            raise RuntimeError("after the inner block")
        assert quantities(app) == {}


def test_a_failed_transaction_leaves_the_context_usable(app: Flask) -> None:
    with app.app_context():
        for state in ("23505", "42P01"):
            with pytest.raises(Exception, match="RAISE"), transaction():
                raise_in_postgres(state)
        with transaction() as session:
            session.add(Widget(name="fine"))
        assert quantities(app) == {"fine": 0}


def test_statements_have_limits(live_app: Flask) -> None:
    with live_app.app_context(), transaction() as session:
        names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
        limits = [session.scalar(text(f"SHOW {name}")) for name in names]
    assert limits == ["5s", "2s", "10s"]
