"""The relay does not wait for its next look when its own process has written something."""

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from chassis.database import transaction
from chassis.messaging import outbox
from chassis.messaging.bus import Published, PublishResult
from chassis.messaging.event import Event
from chassis.messaging.relay import Relay, RelayOptions

Eventually = Callable[..., None]


class Stored:
    """A bus that takes everything; `numbers` are those of the events."""

    def __init__(self) -> None:
        self.numbers: list[int] = []

    def publish(self, batch: Sequence[Event]) -> list[PublishResult]:
        self.numbers += [event.data["n"] for event in batch]
        return [PublishResult(event.id, Published.CONFIRMED) for event in batch]


@pytest.fixture
def app(services: Any) -> Iterator[Flask]:
    app: Flask = services.app("echo_service")
    with app.app_context():
        with transaction() as session:
            session.execute(text("TRUNCATE outbox"))
        yield app


def record(n: int) -> None:
    with transaction() as session:
        outbox.record(session, "echo.said.v1", "1", {"n": n})


def test_relay_sends_at_once_what_its_process_commits(app: Flask, eventually: Eventually) -> None:
    bus, stop = Stored(), threading.Event()
    # Looking by itself it would send nothing before the test has failed.
    options = RelayOptions(source="/echo", poll=60.0)
    relay = Relay(app.config["SETTINGS"].database_url, bus, options)  # type: ignore[arg-type]
    thread = threading.Thread(target=relay.run, args=(stop,))
    thread.start()
    try:
        for n in range(3):
            record(n)
            eventually(lambda n=n: bus.numbers == list(range(n + 1)))
    finally:
        stop.set()
        outbox.committed.set()
        thread.join(10)
    assert not thread.is_alive()


def test_only_a_commit_tells_the_relay(app: Flask) -> None:
    outbox.committed.clear()
    with pytest.raises(LookupError), transaction() as session:
        outbox.record(session, "echo.said.v1", "1", {"n": 1})
        raise LookupError
    assert not outbox.committed.is_set()
    with transaction() as session:
        outbox.enqueue(session, "echo.note", what="later")
        assert not outbox.committed.is_set()
    assert outbox.committed.is_set()
