"""What becomes of a message, whatever the broker."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session, sessionmaker

from chassis.exceptions import Conflict
from chassis.messaging.bus import Decision, Delivery, Verdict
from chassis.messaging.consumer import Consumer
from chassis.messaging.event import Event, TerminalError
from chassis.request_id import current_request_id
from chassis.tracing import current_traceparent

Transaction = Callable[[], AbstractContextManager[Session]]
Handler = Callable[[Session, Event], None]


@pytest.fixture
def consumer(transaction: Transaction, producer: str) -> Callable[[Handler], Consumer]:
    """Make a consumer of `placed` with two further attempts."""

    def make(handler: Handler) -> Consumer:
        return Consumer("products", {f"{producer}.placed.v1": handler}, transaction, (1.0, 5.0))

    return make


def failing(error: Exception) -> Handler:
    def handle(session: Session, event: Event) -> None:
        raise error

    return handle


def test_event_is_done_once_and_then_a_duplicate(
    consumer: Callable[[Handler], Consumer],
    make_event: Callable[..., Event],
    take_effect: Handler,
    effects: Callable[[], list[str]],
) -> None:
    handle, delivery = consumer(take_effect), Delivery(make_event(1).to_cloudevent())
    assert handle(delivery) == Decision(Verdict.DONE)
    assert handle(delivery) == Decision(Verdict.DUPLICATE)
    assert effects() == ["a:1"]


def test_failing_event_waits_longer_each_time_and_is_then_given_up(
    consumer: Callable[[Handler], Consumer], make_event: Callable[..., Event]
) -> None:
    handle, body = consumer(failing(Conflict("stock is locked"))), make_event(1).to_cloudevent()
    reason = "Conflict: stock is locked"
    assert handle(Delivery(body, 1)) == Decision(Verdict.RETRY, 1.0, 2, reason)
    assert handle(Delivery(body, 2)) == Decision(Verdict.RETRY, 5.0, 3, reason)
    assert handle(Delivery(body, 3)) == Decision(Verdict.DEAD, 0.0, 3, reason)


def test_terminal_error_is_given_up_at_once(
    consumer: Callable[[Handler], Consumer], make_event: Callable[..., Event]
) -> None:
    handle = consumer(failing(TerminalError("never")))
    decision = handle(Delivery(make_event(1).to_cloudevent()))
    assert (decision.verdict, decision.reason) == (Verdict.DEAD, "TerminalError: never")


def test_malformed_event_is_given_up_at_once(
    consumer: Callable[[Handler], Consumer],
    take_effect: Handler,
    effects: Callable[[], list[str]],
) -> None:
    decision = consumer(take_effect)(Delivery(b"{}"))
    assert decision == Decision(Verdict.DEAD, reason="malformed: specversion is not 1.0")
    assert effects() == []


def test_event_of_a_forgotten_binding_is_done_without_effect(
    consumer: Callable[[Handler], Consumer],
    make_event: Callable[..., Event],
    take_effect: Handler,
    effects: Callable[[], list[str]],
) -> None:
    body = make_event(1, what="unknown").to_cloudevent()
    assert consumer(take_effect)(Delivery(body)) == Decision(Verdict.DONE)
    assert effects() == []


def test_database_outage_does_not_count_as_an_attempt(
    make_event: Callable[..., Event], producer: str, take_effect: Handler
) -> None:
    engine = create_engine("postgresql+psycopg2://nobody@127.0.0.1:1/none")

    @contextmanager
    def no_database() -> Iterator[Session]:
        with Session(engine) as session:
            yield session

    handle = Consumer("products", {f"{producer}.placed.v1": take_effect}, no_database, (1.0, 5.0))
    decision = handle(Delivery(make_event(1).to_cloudevent(), 3))
    assert (decision.verdict, decision.delay, decision.attempt) == (Verdict.RETRY, 5.0, 3)


def test_statement_refused_by_the_database_counts_as_an_attempt(
    consumer: Callable[[Handler], Consumer], make_event: Callable[..., Event]
) -> None:
    def too_slow(session: Session, event: Event) -> None:
        session.execute(text("SET LOCAL statement_timeout = 10"))
        session.execute(text("SELECT pg_sleep(5)"))

    decision = consumer(too_slow)(Delivery(make_event(1).to_cloudevent(), 2))
    assert (decision.verdict, decision.attempt) == (Verdict.RETRY, 3)


def test_handler_works_under_the_ids_of_the_event(
    consumer: Callable[[Handler], Consumer], make_event: Callable[..., Event]
) -> None:
    seen: list[str | None] = []

    def look(session: Session, event: Event) -> None:
        seen.extend((current_request_id(), current_traceparent()))

    consumer(look)(Delivery(make_event(1).to_cloudevent()))
    assert seen[0] == "request-0001"
    assert seen[1] is not None and seen[1].startswith("00-")
    assert (current_request_id(), current_traceparent()) == (None, None)


def test_connection_lost_in_the_handler_does_not_count_as_an_attempt(
    consumer: Callable[[Handler], Consumer], make_event: Callable[..., Event]
) -> None:
    def lose(session: Session, event: Event) -> None:
        session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    decision = consumer(lose)(Delivery(make_event(1).to_cloudevent(), 2))
    assert (decision.verdict, decision.delay, decision.attempt) == (Verdict.RETRY, 5.0, 2)


def test_exhausted_pool_does_not_count_as_an_attempt(
    database_url: str, make_event: Callable[..., Event], producer: str, take_effect: Handler
) -> None:
    engine = create_engine(database_url, pool_size=1, max_overflow=0, pool_timeout=0.05)
    handlers = {f"{producer}.placed.v1": take_effect}
    handle = Consumer("products", handlers, sessionmaker(engine).begin, (1.0, 5.0))
    with engine.connect():
        decision = handle(Delivery(make_event(1).to_cloudevent(), 2))
    engine.dispose()
    assert (decision.verdict, decision.delay, decision.attempt) == (Verdict.RETRY, 5.0, 2)
