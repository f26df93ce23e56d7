"""What a request has left behind, and ports that a test can watch."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from chassis.database import transaction
from chassis.messaging.tables import outbox
from user_service import wiring
from user_service.models import LoginSession, User
from user_service.services.passwords import Passwords

Data = dict[str, Any]


@pytest.fixture
def tasks(session: Session) -> Callable[[], list[tuple[str, Data]]]:
    """Return the tasks that this test has enqueued so far, with their arguments."""

    def read() -> list[tuple[str, Data]]:
        statement = select(outbox.c.type, outbox.c.payload).where(outbox.c.kind == "task")
        return [(row.type, row.payload) for row in session.execute(statement.order_by(outbox.c.id))]

    return read


@pytest.fixture
def reasons(session: Session) -> Callable[[], list[str | None]]:
    """Return why each session ended, oldest first; None for one that has not."""
    statement = select(LoginSession.revocation_reason).order_by(LoginSession.id)
    return lambda: list(session.scalars(statement))


@pytest.fixture
def check_event(event_schema: Callable[[str], Data]) -> Callable[[Any], None]:
    """Check an event's data against its schema."""

    def check(event: Any) -> None:
        jsonschema.validate(event.data, event_schema(event.type))

    return check


class WatchedPasswords(Passwords):
    """Real hashing that tells which operation begins."""

    def __init__(self, begins: Callable[[str], None]) -> None:
        super().__init__(concurrency=2)
        self._begins = begins

    def hash(self, password: str) -> str:
        self._begins("hash")
        return super().hash(password)

    def matches(self, stored: str | None, password: str) -> bool:
        self._begins("matches")
        return super().matches(stored, password)


@pytest.fixture
def use_ports(app: Flask) -> Iterator[Callable[..., None]]:
    """Change ports for this test: `use_ports(password_minimum=15)`."""
    with app.app_context():
        before = wiring.ports()

    def change(**values: Any) -> None:
        wiring.init_app(app, replace(before, **values))

    yield change
    wiring.init_app(app, before)


@pytest.fixture
def hashes(use_ports: Callable[..., None]) -> list[str]:
    """The hash operations of this test, in order."""
    calls: list[str] = []
    use_ports(passwords=WatchedPasswords(calls.append))
    return calls


@pytest.fixture
def overtake(use_ports: Callable[..., None], session: Session) -> Callable[[str], None]:
    """Have somebody else change all passwords when a hash operation begins: `overtake("hash")`."""

    def arrange(operation: str) -> None:
        def begins(which: str) -> None:
            if which == operation:
                with transaction():
                    session.execute(update(User).values(password_hash="changed meanwhile"))

        use_ports(passwords=WatchedPasswords(begins))

    return arrange
