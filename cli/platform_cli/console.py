"""The names that `shell` offers."""

from collections.abc import Mapping
from functools import cached_property
from importlib import import_module
from types import ModuleType
from typing import Any

import requests

from platform_cli import credentials
from platform_cli.supervisor.options import Options
from platform_cli.supervisor.start import plan
from platform_cli.supervisor.topology import ADMIN_EMAIL, packages_of


class Service:
    """One service of the running platform; its app is made when it is first asked for."""

    def __init__(self, package: str, environment: Mapping[str, str]) -> None:
        self._package, self._environment = package, environment

    @cached_property
    def app(self) -> Any:
        config = import_module(f"{self._package}.config").Config.from_env(self._environment)
        return import_module(self._package).create_app(config)

    @property
    def db(self) -> Any:
        return import_module(f"{self._package}.extensions").db

    @property
    def models(self) -> ModuleType:
        return import_module(f"{self._package}.models")

    def __repr__(self) -> str:
        return f"<{self._package}: app, db, models>"


class Gateway:
    """An HTTP client of the gateway; paths such as "/api/products"."""

    def __init__(self, base: str) -> None:
        self._base = base
        self.session = requests.Session()
        # No proxy of the environment between us and the loopback.
        self.session.trust_env = False

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        return self.session.request(method, self._base + path, **{"timeout": 30, **options})

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> requests.Response:
        return self.request("POST", path, json=json, **options)


def namespace(options: Options) -> dict[str, Any]:
    """Return what the prompt starts with."""
    environments = plan(options, running=True).environments
    gateway = Gateway(options.gateway)
    secrets = credentials.load_or_create(options.folders.secrets)
    environment = options.environment()

    def login(email: str = "", password: str = "") -> None:
        body = {
            "email": email or environment.get("ADMIN_EMAIL", ADMIN_EMAIL),
            "password": password or environment.get("ADMIN_PASSWORD", secrets["ADMIN_PASSWORD"]),
        }
        answer = gateway.post("/api/users/login", body)
        answer.raise_for_status()
        token = answer.json()["data"]["access_token"]
        gateway.session.headers["Authorization"] = f"Bearer {token}"

    packages = packages_of(options).items()
    services = {name: Service(package, environments[name]) for name, package in packages}
    return {**services, "gateway": gateway, "login": login}
