"""Live is the process, ready is its own database and schema, and neither is anything else."""

from collections.abc import Callable
from typing import Any

import pytest
from demo_service import create_app
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from chassis import __version__


@pytest.fixture
def orphan(services: Any, service: str, closed_port: int) -> FlaskClient:
    """A client of an app whose stores are all down."""
    config = services.config(
        service,
        database_url=f"postgresql+psycopg2://x:x@127.0.0.1:{closed_port}/x",
        redis_url=f"redis://127.0.0.1:{closed_port}/0",
    )
    app: Flask = create_app(config)
    return app.test_client()


def test_live_asks_nothing(orphan: FlaskClient) -> None:
    answer = orphan.get("/health/live")
    assert (answer.status_code, answer.json) == (200, {"status": "ok", "service": "demo"})


def test_ready_and_health_tell_of_database_and_schema(client: FlaskClient) -> None:
    ready, health = client.get("/health/ready"), client.get("/health")
    assert (ready.status_code, health.status_code) == (200, 200)
    assert ready.json["checks"]["database"]["ok"] and ready.json["checks"]["database"]["ms"] >= 0
    assert ready.json["checks"]["schema"] == {"ok": True, "version": "0001"}
    described = {name: health.json[name] for name in ("status", "service", "version")}
    assert described == {"status": "ok", "service": "demo", "version": __version__}
    assert set(health.json["checks"]) == {"database", "schema"}


@pytest.mark.parametrize("path", ["/health/ready", "/health"])
def test_a_database_that_is_down_is_not_ready(orphan: FlaskClient, path: str) -> None:
    answer = orphan.get(path)
    assert (answer.status_code, answer.json["status"]) == (503, "unavailable")
    assert answer.json["checks"] == {
        "database": {"ok": False, "reason": "OperationalError"},
        "schema": {"ok": False, "reason": "unknown"},
    }


def test_a_schema_behind_the_code_is_not_ready(client: FlaskClient, session: Session) -> None:
    session.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    answer = client.get("/health/ready")
    assert answer.status_code == 503 and answer.json["checks"]["database"]["ok"]
    expected = {"ok": False, "version": "0000", "reason": "expected 0001"}
    assert answer.json["checks"]["schema"] == expected


def test_a_schema_of_the_next_release_is_ready(client: FlaskClient, session: Session) -> None:
    session.execute(text("UPDATE alembic_version SET version_num = '0002_add_colour'"))
    answer = client.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json["checks"]["schema"] == {"ok": True, "version": "0002_add_colour"}


def test_a_database_without_any_schema_is_not_ready(services: Any, service: str) -> None:
    app: Flask = create_app(services.config(service))
    answer = app.test_client().get("/health/ready")
    assert answer.status_code == 503
    assert answer.json["checks"]["schema"]["ok"] is False


def test_a_database_that_came_back_is_ready_at_once(live_app: Flask) -> None:
    client = live_app.test_client()
    assert client.get("/health/ready").status_code == 200
    terminate_backends(live_app)
    assert client.get("/health/ready").status_code == 200


def terminate_backends(app: Flask) -> None:
    from chassis.database import transaction

    with app.app_context(), transaction() as session:
        session.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                # Postgres' own helpers, such as autovacuum, may not be ended.
                " AND backend_type = 'client backend'"
            )
        )


def test_health_needs_no_token_and_carries_an_id(client: FlaskClient) -> None:
    for path in ("/health/live", "/health/ready", "/health"):
        assert client.get(path).headers["X-Request-ID"]


def test_every_route_has_a_rule(app: Flask) -> None:
    views: dict[str, Callable[..., Any]] = app.view_functions
    assert [name for name, view in views.items() if not hasattr(view, "auth_rule")] == []
