"""The pytest plugin of all services: a real Postgres, rolled back after each test.

A service's `tests/conftest.py` says which service it is; the servers come from the fixtures
`postgres_server`, `redis_url` and `rabbitmq_url` of the root `conftest.py`:

    @pytest.fixture(scope="session")
    def service() -> str:
        return "order_service"
"""

import importlib
import io
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask
from flask.testing import FlaskClient
from jwt.algorithms import RSAAlgorithm
from sqlalchemy import Connection, select, text
from sqlalchemy.orm import Session

from chassis import clock as platform_clock
from chassis import migrations
from chassis.auth import KEY_SET
from chassis.config import ServiceConfig
from chassis.database import TEST_CONNECTION, current_session, transaction
from chassis.messaging.tables import outbox
from chassis.openapi.conformance import Conformance
from chassis.tokens import KeySet

REPOSITORY = Path(__file__).resolve().parents[2]
KEY_ID = "test-key"
CONFORMANCE = "chassis.conformance"


class Replies(io.BufferedReader):
    """What comes over a socket; made once, to be read by one HTTPResponse after the other.

    Given the socket, each HTTPResponse would read ahead into a buffer of its own, and the beginning
    of the next answer would go with it.
    """

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(socket.SocketIO(sock, "rb"))

    def makefile(self, mode: str) -> "Replies":
        """Stand in for the socket, of which an HTTPResponse asks this and no more."""
        return self

    def close(self) -> None:
        """Stay open: an HTTPResponse closes what it has read from."""


class Services:
    """The apps under test, one for each service, each on a migrated database of its own."""

    def __init__(self, make_url: Callable[[str], str], redis_url: str, keys: KeySet) -> None:
        self._make_url = make_url
        self._redis_url = redis_url
        self._keys = keys
        self._apps: dict[str, Flask] = {}

    def app(self, package: str) -> Flask:
        """Return the app of `package`; made, and its database migrated, at the first call."""
        if package not in self._apps:
            module = importlib.import_module(package)
            app: Flask = module.create_app(self.config(package))
            app.extensions[KEY_SET] = self._keys
            app.extensions[CONFORMANCE] = Conformance(app)
            migrations.migrate(app)
            self._apps[package] = app
        return self._apps[package]

    def config(self, package: str, **overrides: Any) -> ServiceConfig:
        """Return the settings of `package` for tests, on a new empty database."""
        config_class = getattr(
            importlib.import_module(f"{package}.config"), "Config", ServiceConfig
        )
        settings: ServiceConfig = config_class.from_env(
            {},
            **{
                "platform_env": "testing",
                "database_url": self._make_url(package),
                "redis_url": self._redis_url,
                "secret_key": "a secret of the test run",
                "log_level": "WARNING",
                **overrides,
            },
        )
        return settings


@pytest.fixture(scope="session")
def signing_key() -> rsa.RSAPrivateKey:
    """The private key behind the tokens of all tests."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def jwks(signing_key: rsa.RSAPrivateKey) -> dict[str, Any]:
    """The key set that verifies the tokens of all tests."""
    key = json.loads(RSAAlgorithm.to_jwk(signing_key.public_key()))
    return {"keys": [{**key, "kid": KEY_ID, "use": "sig", "alg": "RS256"}]}


@pytest.fixture(scope="session")
def services(postgres_server: Any, redis_url: str, jwks: dict[str, Any]) -> Services:
    """The apps under test by package."""

    def make_url(package: str) -> str:
        return str(postgres_server.create_database(f"{package}_{uuid4().hex[:8]}"))

    return Services(make_url, redis_url, KeySet(lambda: jwks))


@pytest.fixture
def postgres_url(postgres_server: Any) -> Callable[[str], str]:
    """Make a new, empty database and return its SQLAlchemy URL."""
    return lambda name: str(postgres_server.create_database(f"{name}_{uuid4().hex[:8]}"))


@pytest.fixture
def connection(services: Services, service: str) -> Iterator[Connection]:
    """The one connection of this test; its transaction is rolled back at the end."""
    app = services.app(service)
    with app.app_context():
        engine = app.extensions["sqlalchemy"].engine
    with engine.connect() as connection:
        outer = connection.begin()
        app.extensions[TEST_CONNECTION] = connection
        try:
            yield connection
        finally:
            del app.extensions[TEST_CONNECTION]
            outer.rollback()


@pytest.fixture
def documented_app(services: Services, service: str) -> Iterator[Flask]:
    """The service's app; a test fails where it answers what its document does not say."""
    app = services.app(service)
    conformance: Conformance = app.extensions[CONFORMANCE]
    conformance.drift.clear()
    yield app
    assert conformance.drift == []


@pytest.fixture
def app(documented_app: Flask, connection: Connection) -> Flask:
    """The service's app; what a test writes is rolled back, commits included."""
    return documented_app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client of the app."""
    return app.test_client()


@pytest.fixture
def session(app: Flask) -> Iterator[Session]:
    """A session on the test's connection, in an app context."""
    with app.app_context():
        yield current_session()


@pytest.fixture
def live_app(documented_app: Flask) -> Iterator[Flask]:
    """The service's app with real commits, for tests with several threads; emptied afterwards."""
    app = documented_app
    yield app
    with app.app_context(), transaction() as session:
        tables = app.extensions["sqlalchemy"].metadata.sorted_tables
        names = ", ".join(f'"{table.name}"' for table in tables)
        session.execute(text(f"TRUNCATE {names} CASCADE"))


@pytest.fixture
def token(signing_key: rsa.RSAPrivateKey) -> Callable[..., str]:
    """Make an access token: `token(user_id, roles, **claims)`; a claim of None is left out."""

    def make(
        user_id: UUID | None = None, roles: tuple[str, ...] = ("customer",), **claims: Any
    ) -> str:
        now = int(time.time())
        payload = {
            "sub": str(user_id or uuid4()),
            "roles": list(roles),
            "iss": "platform",
            "aud": "platform",
            "iat": now,
            "nbf": now,
            "exp": now + 900,
            "iat_ms": now * 1000,
            "jti": str(uuid4()),
            "sid": str(uuid4()),
            "type": "access",
            "fresh": False,
            **claims,
        }
        payload = {name: value for name, value in payload.items() if value is not None}
        return jwt.encode(payload, signing_key, algorithm="RS256", headers={"kid": KEY_ID})

    return make


@pytest.fixture
def auth(token: Callable[..., str]) -> Callable[..., dict[str, str]]:
    """Make the headers of a caller: `auth(user_id=None, roles=("customer",))`."""

    def headers(
        user_id: UUID | None = None, roles: tuple[str, ...] = ("customer",)
    ) -> dict[str, str]:
        return {"Authorization": f"Bearer {token(user_id, roles)}"}

    return headers


@pytest.fixture
def published(app: Flask) -> Callable[[], list[Any]]:
    """Return the events that this test has recorded so far, oldest first."""
    from chassis.messaging.event import Event

    def read() -> list[Event]:
        with app.app_context():
            name = app.extensions["platform"].name
            events = select(outbox).where(outbox.c.kind == "event").order_by(outbox.c.id)
            return [
                Event(
                    id=row.event_id,
                    type=row.type,
                    source=f"/{name}",
                    subject=row.subject,
                    time=row.created_at,
                    data=row.payload,
                    sequence=row.id,
                )
                for row in current_session().execute(events)
            ]

    return read


@pytest.fixture
def deliver(app: Flask) -> Callable[..., None]:
    """Deliver an event as the worker would: `deliver(type, data, subject=None, event_id=None)`."""
    return deliverer(app)


def deliverer(app: Flask) -> Callable[..., None]:
    """Return a function that puts an event through the inbox and handler of `app`."""
    from chassis.messaging import inbox
    from chassis.messaging.event import Event

    def send(
        type: str,
        data: Mapping[str, Any],
        subject: UUID | str | None = None,
        event_id: UUID | None = None,
        sequence: int = 0,
    ) -> None:
        parts = app.extensions["platform"]
        event = Event(
            id=event_id or uuid4(),
            type=type,
            source="/test",
            subject=str(subject or next(iter(data.values()))),
            time=platform_clock.now(),
            data=dict(data),
            sequence=sequence,
            request_id=None,
            traceparent=None,
        )
        with app.app_context():
            inbox.process(transaction, parts.name, event, parts.events.CONSUMES[type])

    return send


@pytest.fixture
def clock() -> Iterator[Any]:
    """The process's clock: `clock.move(seconds)`; back to normal after the test."""
    yield platform_clock
    platform_clock.reset()


@pytest.fixture
def eventually() -> Callable[..., None]:
    """Wait until a predicate is true: `eventually(predicate, timeout=30)`; fails when never."""

    def wait(predicate: Callable[[], Any], timeout: float = 30) -> None:
        deadline = time.monotonic() + timeout
        pause = threading.Event()
        while not predicate():
            assert time.monotonic() < deadline, "the awaited state did not come"
            pause.wait(0.02)

    return wait


@pytest.fixture(scope="session")
def event_schema() -> Callable[[str], dict[str, Any]]:
    """Return the JSON Schema of an event's data, from its producer's `contracts/events`."""

    def load(event_type: str) -> dict[str, Any]:
        found = list(REPOSITORY.glob(f"*/contracts/events/{event_type}.json"))
        assert len(found) == 1, f"{event_type} has {len(found)} schemas"
        schema: dict[str, Any] = json.loads(found[0].read_text(encoding="utf-8"))
        return schema

    return load
