"""The servers that tests run against: real ones, started once a run, on loopback and free ports."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

from platform_cli.stores import postgres, rabbitmq, valkey

# What takes longest comes first, so that the other processes of a run fill the time beside it.
_FIRST = "tests"


class ByFolder(LoadScopeScheduling):
    """Gives the tests of one folder to one process of a run, because they share its servers."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.partition("/")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFolder:
    """Choose how a run in several processes shares the tests out."""
    return ByFolder(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the whole platforms."""
    items.sort(key=lambda item: item.path.relative_to(config.rootpath).parts[0] != _FIRST)


@pytest.fixture(scope="session")
def store_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the servers of this run keep their data."""
    return tmp_path_factory.mktemp("stores")


@pytest.fixture(scope="session")
def postgres_server(store_directory: Path) -> Iterator[Any]:
    """A running Postgres: `.create_database(name)` returns a SQLAlchemy URL."""
    with postgres.running(store_directory / "postgres") as server:
        yield server


@pytest.fixture(scope="session")
def redis_url(store_directory: Path) -> Iterator[str]:
    """The URL of a running Valkey, which speaks the Redis protocol."""
    with valkey.running(store_directory / "valkey") as url:
        yield url


@pytest.fixture(scope="session")
def rabbitmq_url(store_directory: Path) -> Iterator[str]:
    """The URL of a running private RabbitMQ; its tests are skipped where none is installed."""
    if not rabbitmq.available():
        pytest.skip("no RabbitMQ is installed here (Debian: rabbitmq-server)")
    with rabbitmq.running(store_directory / "rabbitmq") as url:
        yield url
