"""A database with the chassis' own tables, both buses, and consumers in threads."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session, sessionmaker

from chassis.messaging.bus import Bus, BusOptions, Decision, Delivery, Verdict, connect_bus
from chassis.messaging.event import Event
from chassis.messaging.tables import chassis_tables

Transaction = Callable[[], AbstractContextManager[Session]]


@pytest.fixture(scope="session")
def messaging_database_url(postgres_server: Any) -> str:
    url: str = postgres_server.create_database(f"messaging_{uuid4().hex[:8]}")
    engine = create_engine(url)
    with engine.begin() as connection:
        chassis_tables.create_all(connection)
        connection.execute(text("CREATE TABLE effects (n bigserial, what text)"))
    engine.dispose()
    return url


@pytest.fixture
def database_url(messaging_database_url: str, engine: Engine) -> str:
    """The URL of the database, empty at the beginning of the test."""
    return messaging_database_url


@pytest.fixture
def engine(messaging_database_url: str) -> Iterator[Engine]:
    engine = create_engine(messaging_database_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("TRUNCATE outbox, inbox, effects"))
    yield engine
    engine.dispose()


@pytest.fixture
def transaction(messaging_database_url: str, engine: Engine) -> Iterator[Transaction]:
    """Open a session whose block commits, as the chassis' `transaction()` does."""
    engine = create_engine(messaging_database_url)
    yield sessionmaker(engine, expire_on_commit=False).begin
    engine.dispose()


@pytest.fixture
def effects(engine: Engine) -> Callable[[], list[str]]:
    """What handlers have written into the table `effects`, in order."""

    def read() -> list[str]:
        with engine.connect() as connection:
            return list(connection.scalars(text("SELECT what FROM effects ORDER BY n")))

    return read


@pytest.fixture
def take_effect() -> Callable[[Session, Event], None]:
    """A handler that writes the event's subject and number into the table `effects`."""

    def handle(session: Session, event: Event) -> None:
        what = f"{event.subject}:{event.data.get('n')}"
        session.execute(text("INSERT INTO effects (what) VALUES (:what)"), {"what": what})

    return handle


@pytest.fixture(params=["redis", "rabbitmq"])
def broker_url(request: pytest.FixtureRequest) -> str:
    """Each broker in turn; tests share it and therefore use names of their own."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def options() -> BusOptions:
    """Short delays, so that a message is given up after a second."""
    return BusOptions(retry_delays=(0.1, 0.3), reclaim_after=0.6, delivery_limit=3, timeout=5.0)


@pytest.fixture
def open_bus(broker_url: str, options: BusOptions) -> Iterator[Callable[[], Bus]]:
    """Open a bus as one more process would; all are closed at the end."""
    buses: list[Bus] = []

    def open_one() -> Bus:
        buses.append(connect_bus(broker_url, options))
        return buses[-1]

    yield open_one
    for bus in buses:
        bus.close()


@pytest.fixture
def bus(open_bus: Callable[[], Bus]) -> Bus:
    return open_bus()


@pytest.fixture
def producer() -> str:
    """The first segment of this test's event types."""
    return f"t{uuid4().hex[:10]}"


@pytest.fixture
def make_event(producer: str) -> Callable[..., Event]:
    """Make an event: `make_event(n, what="placed", subject="a")`."""

    def make(n: int = 0, what: str = "placed", subject: str = "a", id: UUID | None = None) -> Event:
        return Event(
            id=id or uuid4(),
            type=f"{producer}.{what}.v1",
            source=f"/{producer}",
            subject=subject,
            time=datetime(2026, 1, 2, 3, 4, 5, 678901, UTC),
            data={"n": n},
            sequence=n,
            request_id="request-0001",
        )

    return make


class Inbound:
    """Deliveries as a consumer saw them; `decide` says what becomes of each."""

    def __init__(self, decide: Callable[[Delivery], Decision]) -> None:
        self.seen: list[Delivery] = []
        self._decide = decide

    def __call__(self, delivery: Delivery) -> Decision:
        self.seen.append(delivery)
        return self._decide(delivery)

    @property
    def numbers(self) -> list[int]:
        return [Event.from_cloudevent(delivery.body).data["n"] for delivery in self.seen]


@pytest.fixture
def consuming() -> Iterator[Callable[..., tuple[Inbound, Callable[[], None]]]]:
    """Consume in a thread: returns what was seen, and a function that stops it and waits."""
    running: list[Callable[[], None]] = []

    def start(
        bus: Bus,
        consumer: str,
        types: list[str],
        decide: Callable[[Delivery], Decision] = lambda _delivery: Decision(Verdict.DONE),
    ) -> tuple[Inbound, Callable[[], None]]:
        inbound, stop = Inbound(decide), threading.Event()
        thread = threading.Thread(
            target=bus.consume, args=(consumer, types, inbound, stop), daemon=True
        )
        thread.start()

        def end() -> None:
            stop.set()
            thread.join(10)
            assert not thread.is_alive(), "the consumer did not stop"

        running.append(end)
        return inbound, end

    yield start
    for end in running:
        end()
