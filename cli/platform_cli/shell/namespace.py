"""The names that `shell` offers."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import requests
from sqlalchemy import select

from chassis.rpc.link import connect_link
from chassis.tasks import remote
from platform_cli import credentials
from platform_cli.shell.calls import Calls, Offers
from platform_cli.shell.events import Events
from platform_cli.shell.services import Client, Service
from platform_cli.supervisor.options import Options
from platform_cli.supervisor.start import plan
from platform_cli.supervisor.topology import ADMIN_EMAIL, packages_of

BANNER = """\
{services}
                    each with .models, .transaction(), .app, .db, .client
rpc                 tasks of the workers: rpc.SERVICE.TASK(...), Tab completes; `rpc` lists them
events              what passes on the bus, until Ctrl-C: events, events order.*
gateway, login()    an HTTP client, and signing it in as the first administrator
models, clients     by service: models.orders.Order, clients.orders.get("/api/orders").json()

with orders.transaction() as session: session.scalars(select(models.orders.Order)).all()
"""
TIMEOUT = 5.0


@contextmanager
def opened(options: Options) -> Iterator[dict[str, Any]]:
    """Yield what the prompt starts with; its connections end with the block."""
    # As PYTHONPATH does for the processes.
    sys.path += [str(one.folder) for one in options.added if str(one.folder) not in sys.path]
    environments = plan(options, running=True).environments
    some = next(iter(environments.values()))
    broker_url = some.get("BROKER_URL") or some["REDIS_URL"]
    link = connect_link(broker_url)
    with requests.Session() as session:
        # No proxy of the environment between us and the loopback.
        session.trust_env = False
        packages = packages_of(options)
        services = {
            name: Service(package, environments[name], Client(some[f"{name.upper()}_URL"], session))
            for name, package in packages.items()
        }
        gateway = Client(options.gateway, session)
        try:
            yield {
                **services,
                "models": Models(services),
                "clients": SimpleNamespace(**{name: services[name].client for name in services}),
                "gateway": gateway,
                "login": _login(options, gateway),
                "rpc": Calls(Offers(packages, link), TIMEOUT),
                "remote": lambda name, **how: remote(name, link=link, **how),
                "events": Events(broker_url, packages.values()),
                "select": select,
            }
        finally:
            link.close()


class Models:
    """The models by service, imported when they are first asked for."""

    def __init__(self, services: dict[str, Service]) -> None:
        self._services = services

    def __getattr__(self, name: str) -> SimpleNamespace:
        if name.startswith("_") or name not in self._services:
            raise AttributeError(name)
        return self._services[name].models

    def __dir__(self) -> list[str]:
        return list(self._services)


def _login(options: Options, gateway: Client) -> Any:
    secrets = credentials.load_or_create(options.folders.secrets)
    environment = options.environment()

    def login(email: str = "", password: str = "") -> None:
        """Sign the clients in, as the first administrator without a name."""
        body = {
            "email": email or environment.get("ADMIN_EMAIL", ADMIN_EMAIL),
            "password": password or environment.get("ADMIN_PASSWORD", secrets["ADMIN_PASSWORD"]),
        }
        answer = gateway.post("/api/users/login", body)
        answer.raise_for_status()
        token = answer.json()["data"]["access_token"]
        gateway.session.headers["Authorization"] = f"Bearer {token}"

    return login
