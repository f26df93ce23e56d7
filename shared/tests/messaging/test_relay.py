"""The relay's order, failures and lock, on a real database and a bus that does as it is told."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, Engine, Row, func, select, text, update
from sqlalchemy.orm import Session

from chassis.messaging import outbox
from chassis.messaging.bus import BusUnavailable, Published, PublishResult
from chassis.messaging.event import Event
from chassis.messaging.locks import RELAY_LOCK, held_lock
from chassis.messaging.relay import Relay, RelayOptions
from chassis.messaging.tables import outbox as table

Transaction = Callable[[], AbstractContextManager[Session]]
Eventually = Callable[..., None]


class ObedientBus:
    """Stores what is published; `refused` and `unroutable` hold types, `away` counts outages."""

    def __init__(self) -> None:
        self.batches: list[list[Event]] = []
        self.refused: set[str] = set()
        self.unroutable: set[str] = set()
        self.away = 0

    def publish(self, batch: Sequence[Event]) -> list[PublishResult]:
        if self.away:
            self.away -= 1
            raise BusUnavailable("away")
        self.batches.append(list(batch))
        return [PublishResult(event.id, self._outcome(event)) for event in batch]

    def _outcome(self, event: Event) -> Published:
        if event.type in self.refused:
            return Published.REFUSED
        return Published.UNROUTABLE if event.type in self.unroutable else Published.CONFIRMED

    @property
    def stored(self) -> list[tuple[str, int]]:
        """Subject and number of what was taken, in order."""
        events = [event for batch in self.batches for event in batch]
        taken = [event for event in events if self._outcome(event) is Published.CONFIRMED]
        return [(event.subject, event.data["n"]) for event in taken]


@pytest.fixture
def bus() -> ObedientBus:
    return ObedientBus()


@pytest.fixture
def make_relay(database_url: str, bus: ObedientBus) -> Callable[..., Relay]:
    def make(send_task: Callable[[Row[Any]], None] | None = None, **options: Any) -> Relay:
        choice = RelayOptions(source="/orders", poll=0.01, standby=0.02, **options)
        return Relay(database_url, bus, choice, send_task)  # type: ignore[arg-type]

    return make


@pytest.fixture
def record(transaction: Transaction) -> Callable[..., UUID]:
    def write(subject: str, n: int, type: str = "order.placed.v1") -> UUID:
        with transaction() as session:
            return outbox.record(session, type, subject, {"n": n})

    return write


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection:
        yield connection


@pytest.fixture
def relaying() -> Iterator[Callable[[Relay], Callable[[], None]]]:
    """Run a relay in a thread; returns what ends it."""
    ends: list[Callable[[], None]] = []

    def start(relay: Relay) -> Callable[[], None]:
        stop = threading.Event()
        thread = threading.Thread(target=relay.run, args=(stop,))
        thread.start()

        def end() -> None:
            stop.set()
            thread.join(10)

        ends.append(end)
        return end

    yield start
    for end in ends:
        end()


def make_due(connection: Connection) -> None:
    connection.execute(update(table).values(next_attempt_at=func.now()))


def numbers(rows: Iterable[tuple[str, int]], subject: str) -> list[int]:
    return [n for owner, n in rows if owner == subject]


def test_event_is_sent_once_with_its_source_and_sequence(
    make_relay: Callable[..., Relay], bus: ObedientBus, record: Callable[..., UUID],
    connection: Connection,
) -> None:  # fmt: skip
    event_id, relay = record("a", 1), make_relay()
    assert relay.send_due(connection) == 1
    assert relay.send_due(connection) == 0
    ((event,),) = bus.batches
    row = connection.execute(select(table)).one()
    assert (event.id, event.source, event.sequence) == (event_id, "/orders", row.id)
    assert row.sent_at is not None


def test_no_wave_holds_a_subject_twice(
    make_relay: Callable[..., Relay], bus: ObedientBus, record: Callable[..., UUID],
    connection: Connection,
) -> None:  # fmt: skip
    for n in range(6):
        record("ab"[n % 2], n)
    record("c", 6)
    assert make_relay().send_due(connection) == 7
    waves = [[event.data["n"] for event in batch] for batch in bus.batches]
    assert waves == [[0, 1, 6], [2, 3], [4, 5]]


def test_later_events_of_a_refused_subject_wait_and_others_do_not(
    make_relay: Callable[..., Relay], bus: ObedientBus, record: Callable[..., UUID],
    connection: Connection,
) -> None:  # fmt: skip
    record("a", 1, "order.paid.v1")
    record("a", 2)
    record("b", 3)
    bus.refused = {"order.paid.v1"}
    relay = make_relay()
    assert relay.send_due(connection) == 1
    assert bus.stored == [("b", 3)]
    record("a", 4)
    record("b", 5)
    assert relay.send_due(connection) == 1
    # A relay that takes over finds out from the table.
    successor = make_relay()
    successor._load_waiting(connection)
    assert successor.send_due(connection) == 0
    assert bus.stored == [("b", 3), ("b", 5)]
    bus.refused = set()
    make_due(connection)
    assert make_relay().send_due(connection) == 3
    assert numbers(bus.stored[-3:], "a") == [1, 2, 4]


def test_event_without_consumer_is_tried_again_later_each_time(
    make_relay: Callable[..., Relay], bus: ObedientBus, record: Callable[..., UUID],
    connection: Connection,
) -> None:  # fmt: skip
    record("a", 1)
    bus.unroutable = {"order.placed.v1"}
    left = func.extract("epoch", table.c.next_attempt_at - func.now())
    waits = []
    for attempt in range(1, 6):
        assert make_relay().send_due(connection) == 0
        row = connection.execute(select(table, left.label("wait"))).one()
        assert (row.attempts, row.last_error, row.sent_at) == (attempt, "unroutable", None)
        waits.append(round(row.wait))
        make_due(connection)
    assert waits == [1, 5, 30, 300, 300]


def test_event_declared_as_unconsumed_counts_as_sent(
    make_relay: Callable[..., Relay], bus: ObedientBus, record: Callable[..., UUID],
    connection: Connection,
) -> None:  # fmt: skip
    record("a", 1)
    bus.unroutable = {"order.placed.v1"}
    relay = make_relay(unconsumed=frozenset({"order.placed.v1"}))
    assert relay.send_due(connection) == 1
    assert outbox.count_pending(connection) == 0


def test_broker_outage_costs_no_attempt_and_keeps_the_order(
    make_relay: Callable[..., Relay], bus: ObedientBus, record: Callable[..., UUID],
    connection: Connection, relaying: Callable[[Relay], Any], eventually: Eventually,
) -> None:  # fmt: skip
    for n in range(5):
        record("a", n)
    bus.away = 1
    relaying(make_relay())
    eventually(lambda: outbox.count_pending(connection) == 0)
    assert numbers(bus.stored, "a") == [0, 1, 2, 3, 4]
    assert set(connection.scalars(select(table.c.attempts))) == {0}


def test_tasks_are_sent_only_where_there_is_a_celery(
    make_relay: Callable[..., Relay], transaction: Transaction, record: Callable[..., UUID],
    connection: Connection,
) -> None:  # fmt: skip
    with transaction() as session:
        task_id = outbox.enqueue(session, "orders.clean", days=3)
    record("a", 1)
    assert make_relay().send_due(connection) == 1
    sent: list[Row[Any]] = []
    assert make_relay(sent.append).send_due(connection) == 1
    assert [(row.event_id, row.type, row.payload) for row in sent] == [
        (task_id, "orders.clean", {"days": 3})
    ]
    assert outbox.count_pending(connection) == 0


def test_of_two_relays_one_works_and_the_other_takes_over(
    make_relay: Callable[..., Relay], bus: ObedientBus, record: Callable[..., UUID],
    connection: Connection, relaying: Callable[[Relay], Callable[[], None]],
    eventually: Eventually,
) -> None:  # fmt: skip
    ends = [relaying(make_relay()), relaying(make_relay())]
    for n in range(50):
        record(str(n % 5), n)
    eventually(lambda: outbox.count_pending(connection) == 0)
    assert sorted(n for _, n in bus.stored) == list(range(50))
    assert all(numbers(bus.stored, str(s)) == list(range(s, 50, 5)) for s in range(5))
    ends[0]()
    record("a", 50)
    eventually(lambda: outbox.count_pending(connection) == 0)
    assert bus.stored[-1] == ("a", 50)


def test_relay_comes_back_after_its_connection_was_ended(
    make_relay: Callable[..., Relay], bus: ObedientBus, record: Callable[..., UUID],
    connection: Connection, relaying: Callable[[Relay], Any], eventually: Eventually,
) -> None:  # fmt: skip
    relaying(make_relay())
    record("a", 1)
    eventually(lambda: bus.stored == [("a", 1)])
    holder = text(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
        " AND objid = :key AND database = (SELECT oid FROM pg_database"
        " WHERE datname = current_database())"
    )
    assert list(connection.scalars(holder, {"key": RELAY_LOCK})) == [True]
    record("a", 2)
    eventually(lambda: bus.stored == [("a", 1), ("a", 2)])


def test_late_commit_with_an_earlier_id_is_sent(
    make_relay: Callable[..., Relay], bus: ObedientBus, transaction: Transaction,
    record: Callable[..., UUID], connection: Connection,
) -> None:  # fmt: skip
    relay = make_relay()
    with transaction() as slow:
        outbox.record(slow, "order.placed.v1", "a", {"n": 1})
        record("b", 2)
        assert relay.send_due(connection) == 1
    assert relay.send_due(connection) == 1
    assert bus.stored == [("b", 2), ("a", 1)]


def test_lock_is_free_when_its_connection_is_closed(database_url: str, engine: Engine) -> None:
    stop, beats = threading.Event(), []

    def beat() -> None:
        beats.append(1)
        if len(beats) == 3:
            stop.set()

    with held_lock(database_url, RELAY_LOCK, stop, beat) as first:
        assert first is not None
        with held_lock(database_url, RELAY_LOCK, stop, beat, standby=0.01) as second:
            assert (second, len(beats)) == (None, 3)
    with held_lock(database_url, RELAY_LOCK, stop, beat) as third:
        assert third is not None
