"""The services of the running platform as the prompt's names: apps, tables, HTTP clients."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from importlib import import_module
from pkgutil import iter_modules
from types import SimpleNamespace
from typing import Any

import requests


class Client:
    """An HTTP client; paths such as "/api/products". The session is shared, with its token."""

    def __init__(self, base: str, session: requests.Session) -> None:
        self._base, self.session = base, session

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        return self.session.request(method, self._base + path, **{"timeout": 30, **options})

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> requests.Response:
        return self.request("POST", path, json=json, **options)

    def __repr__(self) -> str:
        return f"<client of {self._base}>"


class Service:
    """One service on its running database; its app is made when it is first asked for."""

    def __init__(self, package: str, environment: Mapping[str, str], client: Client) -> None:
        self._package, self._environment, self.client = package, environment, client

    @cached_property
    def app(self) -> Any:
        # At a prompt the service's own log lines would come between question and answer.
        quiet = {"log_level": "WARNING", "log_format": "console"}
        config = import_module(f"{self._package}.config").Config
        settings = config.from_env(self._environment, **quiet)
        return import_module(self._package).create_app(settings)

    @property
    def db(self) -> Any:
        return import_module(f"{self._package}.extensions").db

    @cached_property
    def models(self) -> SimpleNamespace:
        """Every class with a table, by its name."""
        models = import_module(f"{self._package}.models")
        for module in iter_modules(models.__path__, f"{models.__name__}."):
            import_module(module.name)
        base = import_module(f"{self._package}.extensions").Base
        return SimpleNamespace(
            **{mapper.class_.__name__: mapper.class_ for mapper in base.registry.mappers}
        )

    @property
    def transaction(self) -> Callable[[], AbstractContextManager[Any]]:
        """Open a session in the app's context; commits when the block ends."""
        from chassis.database import transaction

        @contextmanager
        def opened() -> Any:
            with self.app.app_context(), transaction() as session:
                yield session

        return opened

    def __repr__(self) -> str:
        return f"<{self._package}: app, client, db, models, transaction()>"
