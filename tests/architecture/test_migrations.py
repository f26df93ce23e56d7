"""Migrations build exactly what the models say, in one line of revisions."""

from pathlib import Path
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from chassis.migrations import migrations_directory


def test_migrations_match_the_models(folders: dict[str, Path], services: Any) -> None:
    for package in folders:
        app = services.app(package)
        with app.app_context():
            database = app.extensions["sqlalchemy"]
            with database.engine.connect() as connection:
                context = MigrationContext.configure(connection, opts={"compare_type": True})
                assert compare_metadata(context, database.metadata) == [], package


def test_every_service_has_one_head_and_numbered_migrations(
    folders: dict[str, Path], services: Any
) -> None:
    for package in folders:
        config = Config()
        config.set_main_option("script_location", migrations_directory(services.app(package)))
        script = ScriptDirectory.from_config(config)
        assert len(script.get_heads()) == 1, package
        numbers = sorted(revision.revision for revision in script.walk_revisions())
        assert [int(number.split("_")[0]) for number in numbers] == list(
            range(1, len(numbers) + 1)
        ), package
