"""What a request has left behind, and ports that a test can watch."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from flask import Flask
from sqlalchemy import Connection, event, select, update
from sqlalchemy.orm import Session

from chassis.database import transaction
from chassis.messaging.tables import outbox
from chassis.sealing import unseal
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


@pytest.fixture
def at_once(live_app: Flask) -> Callable[..., list[Any]]:
    """Run functions at the same moment, each in a thread, and return their results in order."""

    def run(*functions: Callable[[], Any]) -> list[Any]:
        together = threading.Barrier(len(functions))
        results: list[Any] = [None] * len(functions)

        def call(index: int, function: Callable[[], Any]) -> None:
            together.wait(10)
            results[index] = function()

        threads = [
            threading.Thread(target=call, args=(index, function))
            for index, function in enumerate(functions)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results

    return run


@pytest.fixture
def post(app: Flask, published: Callable[[], list[Any]]) -> Callable[..., Data]:
    """What went to a receiver last: `post("ada@example.com")`, with the code or token unsealed."""

    def read(receiver: str) -> Data:
        news = [event.data for event in published() if event.data.get("receiver") == receiver]
        return opened(app, news[-1])

    return read


def opened(app: Flask, news: Data) -> Data:
    """Return the data of verification.requested.v1 as the service that sends messages reads it."""
    secret = app.config["SETTINGS"].secret_key
    return {**news, "code": unseal(news["code_sealed"], secret, purpose="verification")}


@pytest.fixture
def live_post(live_app: Flask) -> Callable[[str], list[Data]]:
    """Everything that went to a receiver, oldest first, in tests with real commits."""

    def read(receiver: str) -> list[Data]:
        requested = select(outbox.c.payload).where(
            outbox.c.type == "verification.requested.v1",
            outbox.c.payload["receiver"].astext == receiver,
        )
        with live_app.app_context(), transaction() as session:
            found = session.scalars(requested.order_by(outbox.c.id)).all()
        return [opened(live_app, news) for news in found]

    return read


@pytest.fixture
def statements(app: Flask, connection: Connection) -> Iterator[list[str]]:
    """The SQL statements of this test so far, to compare the work of two requests."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "SAVEPOINT" not in statement:
            seen.append(statement)

    event.listen(connection, "before_cursor_execute", note)
    yield seen
    event.remove(connection, "before_cursor_execute", note)
