"""Migrations: once, whoever starts, and in line with the models."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from demo_service import create_app
from demo_service.models import db
from flask import Flask
from sqlalchemy import Engine, create_engine, inspect, text

from chassis import migrations


@pytest.fixture
def replicas(services: Any, service: str, postgres_url: Any) -> list[Flask]:
    """Three apps on one new database."""
    url = postgres_url("replicas")
    return [create_app(services.config(service, database_url=url)) for _ in range(3)]


@pytest.fixture
def engine(replicas: list[Flask]) -> Any:
    engine = create_engine(replicas[0].config["SETTINGS"].database_url)
    yield engine
    engine.dispose()


def test_replicas_that_start_together_migrate_once(replicas: list[Flask], engine: Engine) -> None:
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(migrations.migrate, replicas))
    with engine.connect() as connection:
        versions = connection.scalars(text("SELECT version_num FROM alembic_version")).all()
    assert versions == ["0001"] == [migrations.expected_head(replicas[0])]
    tables = {"alembic_version", "idempotency_keys", "inbox", "outbox", "widgets"}
    assert set(inspect(engine).get_table_names()) == tables


def test_a_second_migration_changes_nothing(replicas: list[Flask], engine: Engine) -> None:
    migrations.migrate(replicas[0])
    migrations.migrate(replicas[1])
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), db.metadata)
    assert differences == []


def test_a_migration_waits_for_the_one_before_and_not_for_ever(
    replicas: list[Flask], engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "_LOCK_SECONDS", 0.3)
    with engine.connect() as connection:
        key = {"key": migrations._LOCK}
        connection.execute(text("SELECT pg_advisory_lock(:key)"), key)
        with pytest.raises(TimeoutError, match="another migration"):
            migrations.migrate(replicas[0])
        assert inspect(engine).get_table_names() == []
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), key)
    migrations.migrate(replicas[0])
    assert "widgets" in inspect(engine).get_table_names()
