"""Migrations of a service's database: the same for replicas that start together.

Alembic itself takes no lock (sqlalchemy/alembic#633), so that two replicas would both apply the
first migration and one of them fail.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from alembic import context
from alembic.config import Config
from alembic.script import ScriptDirectory
from flask import Flask, current_app
from flask_migrate import upgrade
from sqlalchemy import Connection, create_engine, pool, text

# Any constant will do: every service has a database of its own.
_LOCK = 7_301_985
_LOCK_SECONDS = 120.0


def migrations_directory(app: Flask) -> str:
    """Return the folder of the service's migrations."""
    return str(Path(app.root_path) / "migrations")


def expected_head(app: Flask) -> str | None:
    """Return the newest migration that this code brings."""
    return _head(migrations_directory(app))


@lru_cache
def _head(directory: str) -> str | None:
    config = Config()
    config.set_main_option("script_location", directory)
    return ScriptDirectory.from_config(config).get_current_head()


@contextmanager
def _migration_lock(url: str) -> Iterator[None]:
    """Hold a session lock on a connection of its own; it ends with the connection.

    Polled rather than waited for: a waiting statement would block CREATE INDEX CONCURRENTLY.
    """
    engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=pool.NullPool)
    deadline = time.monotonic() + _LOCK_SECONDS
    with engine.connect() as connection:
        while not connection.execute(
            text("SELECT pg_try_advisory_lock(:key)"), {"key": _LOCK}
        ).scalar():
            if time.monotonic() > deadline:
                raise TimeoutError(f"another migration has held the lock for {_LOCK_SECONDS:.0f} s")
            time.sleep(0.1)
        yield


def migrate(app: Flask) -> None:
    """Bring the database of `app` to head; replicas that start together wait for each other.

    Raises TimeoutError when another migration holds the lock for two minutes.
    Locks: an advisory lock of the database.
    """
    with app.app_context(), _migration_lock(app.config["SETTINGS"].database_url):
        upgrade(directory=migrations_directory(app))


def run() -> None:
    """Run Alembic's environment; the one line of every service's `migrations/env.py`."""
    database = current_app.extensions["migrate"].db
    # A migration waits 4 s for a table's lock at most: queries queue behind a waiting one. It may
    # take its time otherwise, whatever limits the role has.
    engine = create_engine(
        current_app.config["SETTINGS"].database_url,
        poolclass=pool.NullPool,
        connect_args={"options": "-c lock_timeout=4000 -c statement_timeout=0"},
    )
    with engine.connect() as connection:
        _run_on(connection, database.metadata)
    engine.dispose()


def _run_on(connection: Connection, metadata: object) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,  # type: ignore[arg-type]
        compare_type=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
