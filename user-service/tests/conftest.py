"""One platform's accounts: what people send to user-service, and what it keeps of them."""

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import jwt
import pytest
import redis
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from chassis import clock as platform_clock
from chassis.testing import KEY_ID
from user_service import wiring
from user_service.extensions import Base
from user_service.models import SigningKey
from user_service.services.signing_keys import derive_cipher, encrypt_pair

Data = dict[str, Any]
PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="session")
def service() -> str:
    """The package under test."""
    return "user_service"


@dataclass
class Account:
    """A registered person with an open session."""

    id: UUID
    email: str
    password: str
    access_token: str
    refresh_token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.access_token}"}


class People:
    """What people do at user-service, through HTTP; each has an e-mail address of their own."""

    password = PASSWORD
    _numbers = itertools.count(1)

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        address: str = "198.51.100.1",
    ) -> TestResponse:
        """Send a request from a client address, as the gateway passes it on."""
        # The standard library's encoder: it also writes what a hostile client would.
        text = body if isinstance(body, str | bytes) else json.dumps(body)
        return self.client.open(
            f"/api/users{path}",
            method=method,
            data=None if body is None else text,
            headers={
                "X-Forwarded-For": address,
                **({"Content-Type": "application/json"} if body is not None else {}),
                **(headers or {}),
            },
        )

    def registration(self, **changes: Any) -> Data:
        """Return the body of a registration that nobody has sent yet."""
        number = next(self._numbers)
        return {
            "email": f"person{number}@example.com",
            "password": PASSWORD,
            "name": f"Person {number}",
            **changes,
        }

    def register(self, **changes: Any) -> Account:
        """Register and log in."""
        body = self.registration(**changes)
        answer = self.send("POST", "/register", body)
        assert answer.status_code == 201, answer.get_json()
        user_id = UUID(answer.get_json()["data"]["id"])
        tokens = self.tokens(body["email"], body["password"])
        return Account(
            user_id,
            body["email"],
            body["password"],
            tokens["access_token"],
            tokens["refresh_token"],
        )

    def log_in(
        self, email: str, password: str = PASSWORD, address: str = "198.51.100.1"
    ) -> TestResponse:
        return self.send("POST", "/login", {"email": email, "password": password}, address=address)

    def tokens(self, email: str, password: str = PASSWORD) -> Data:
        """Log in and return the token pair."""
        answer = self.log_in(email, password)
        assert answer.status_code == 200, answer.get_json()
        return dict(answer.get_json()["data"])

    def refresh(self, refresh_token: str) -> TestResponse:
        return self.send("POST", "/refresh", {"refresh_token": refresh_token})

    def claims(self, access_token: str) -> Data:
        """Return what an access token says, unverified."""
        claims: Data = jwt.decode(access_token, options={"verify_signature": False})
        return claims

    def me(self, account_or_token: Account | str) -> TestResponse:
        """Read the own account, which shows whether an access token is accepted."""
        token = getattr(account_or_token, "access_token", account_or_token)
        return self.send("GET", "/me", headers={"Authorization": f"Bearer {token}"})


@pytest.fixture
def stored_key(signing_key: rsa.RSAPrivateKey) -> Callable[[Flask], None]:
    """Store the tests' key as user-service's own, so that its tokens and the factory's verify."""

    def store(app: Flask) -> None:
        secret = app.config["SETTINGS"].secret_key
        with app.app_context(), wiring.ports().transaction() as session:
            pair = encrypt_pair(derive_cipher(secret), signing_key)
            session.add(
                SigningKey(
                    kid=KEY_ID,
                    public_jwk={**pair.public_jwk, "kid": KEY_ID},
                    private_pem_encrypted=pair.private_pem_encrypted,
                    activates_at=platform_clock.now(),
                )
            )
            wiring.ports().keyring.forget()

    return store


@pytest.fixture
def people(app: Flask, stored_key: Callable[[Flask], None], no_attempts: None) -> Iterator[People]:
    """People whose effects are rolled back."""
    stored_key(app)
    yield People(app.test_client())
    with app.app_context():
        wiring.ports().keyring.forget()


@pytest.fixture
def live_people(
    live_app: Flask, stored_key: Callable[[Flask], None], no_attempts: None
) -> Iterator[Callable[[], People]]:
    """Make people whose effects are committed, each call with a client for another thread."""
    stored_key(live_app)
    yield lambda: People(live_app.test_client())
    with live_app.app_context():
        wiring.ports().keyring.forget()


@pytest.fixture
def no_attempts(redis_url: str) -> None:
    """Forget the failed logins of earlier tests, which came from the same address."""
    with redis.Redis.from_url(redis_url) as client:
        for key in client.scan_iter("LIMITS:login:*"):
            client.delete(key)


@pytest.fixture
def rows(session: Session) -> Callable[[], dict[str, int]]:
    """Count the rows of every table, to see that a refused request has left none."""

    def count() -> dict[str, int]:
        return {
            table.name: session.scalar(select(func.count()).select_from(table)) or 0
            for table in Base.metadata.sorted_tables
        }

    return count
