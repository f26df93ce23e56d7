"""From the outbox of one service to the effect in another, with crashes on the way."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session

from chassis.messaging import outbox, relay
from chassis.messaging.bus import Bus, BusUnavailable, Decision, Delivery, Verdict
from chassis.messaging.consumer import Consumer
from chassis.messaging.event import Event
from chassis.messaging.relay import Relay, RelayOptions

Transaction = Callable[[], AbstractContextManager[Session]]
Consuming = Callable[..., tuple[Any, Callable[[], None]]]
Handler = Callable[[Session, Event], None]
Eventually = Callable[..., None]
OPTIONS = RelayOptions(source="/orders", poll=0.01)


class Crash(BaseException):
    """The process dies here: no handler of exceptions may take notice."""


@pytest.fixture
def consumer_name() -> str:
    return f"c{uuid4().hex[:10]}"


@pytest.fixture
def record(transaction: Transaction, producer: str) -> Callable[[int], None]:
    def write(count: int) -> None:
        with transaction() as session:
            for n in range(count):
                outbox.record(session, f"{producer}.placed.v1", f"s{n % 10}", {"n": n})

    return write


def test_every_event_has_its_effect_once_and_in_order(
    bus: Bus, database_url: str, transaction: Transaction, producer: str, consumer_name: str,
    record: Callable[[int], None], take_effect: Handler, effects: Callable[[], list[str]],
    consuming: Consuming, eventually: Eventually,
) -> None:  # fmt: skip
    handlers = {f"{producer}.placed.v1": take_effect}
    bus.declare(consumer_name, handlers)
    record(200)
    stop = threading.Event()
    thread = threading.Thread(target=Relay(database_url, bus, OPTIONS).run, args=(stop,))
    thread.start()
    consuming(bus, consumer_name, list(handlers), Consumer(consumer_name, handlers, transaction))
    eventually(lambda: len(effects()) >= 200)
    stop.set()
    thread.join(10)
    assert sorted(effects()) == sorted(f"s{n % 10}:{n}" for n in range(200))
    for s in range(10):
        mine = [what for what in effects() if what.startswith(f"s{s}:")]
        assert mine == [f"s{s}:{n}" for n in range(s, 200, 10)]


@pytest.mark.parametrize("with_inbox", [True, False], ids=["inbox", "mutant without inbox"])
def test_relay_that_dies_before_marking_sends_again_and_the_inbox_absorbs_it(
    bus: Bus, engine: Engine, database_url: str, transaction: Transaction, producer: str,
    consumer_name: str, record: Callable[[int], None], take_effect: Handler,
    effects: Callable[[], list[str]], consuming: Consuming, eventually: Eventually,
    monkeypatch: pytest.MonkeyPatch, with_inbox: bool,
) -> None:  # fmt: skip
    handlers = {f"{producer}.placed.v1": take_effect}
    bus.declare(consumer_name, handlers)
    record(10)

    def crash(_connection: Connection, _ids: list[int]) -> None:
        raise Crash

    with engine.connect() as connection:
        with monkeypatch.context() as patch, pytest.raises(Crash):
            patch.setattr(relay, "_mark_sent", crash)
            Relay(database_url, bus, OPTIONS).send_due(connection)
        assert outbox.count_pending(connection) == 10
        assert Relay(database_url, bus, OPTIONS).send_due(connection) == 10
    handle = Consumer(consumer_name, handlers, transaction)
    if not with_inbox:
        monkeypatch.setattr("chassis.messaging.inbox.remember", lambda *_: True)
    inbound, _ = consuming(bus, consumer_name, list(handlers), handle)
    eventually(lambda: len(inbound.seen) >= 20)
    eventually(lambda: len(effects()) >= (10 if with_inbox else 20))
    # Without the inbox every effect is doubled: the check above would see its absence.
    assert len(effects()) == (10 if with_inbox else 20)
    assert len(set(effects())) == 10


def test_consumer_that_dies_after_its_commit_has_no_second_effect(
    bus: Bus, transaction: Transaction, consumer_name: str,
    make_event: Callable[..., Event], take_effect: Handler, effects: Callable[[], list[str]],
    consuming: Consuming, eventually: Eventually,
) -> None:  # fmt: skip
    event = make_event(1)
    handlers = {event.type: take_effect}
    handle = Consumer(consumer_name, handlers, transaction)
    decisions: list[Decision] = []

    def loses_its_connection(delivery: Delivery) -> Decision:
        decisions.append(handle(delivery))
        if len(decisions) == 1:
            raise BusUnavailable("gone before the acknowledgement")
        return decisions[-1]

    bus.declare(consumer_name, handlers)
    bus.publish([event])
    consuming(bus, consumer_name, [event.type], loses_its_connection)
    eventually(lambda: len(decisions) == 2)
    assert [decision.verdict for decision in decisions] == [Verdict.DONE, Verdict.DUPLICATE]
    assert effects() == ["a:1"]


def test_malformed_message_goes_to_the_dead_letters_and_holds_up_nothing(
    bus: Bus, transaction: Transaction, consumer_name: str, make_event: Callable[..., Event],
    take_effect: Handler, effects: Callable[[], list[str]], consuming: Consuming,
    eventually: Eventually, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    event = make_event(1)
    handlers = {event.type: take_effect}
    bus.declare(consumer_name, handlers)
    with monkeypatch.context() as patch:
        patch.setattr(Event, "to_cloudevent", lambda _self: b'{"specversion": "1.0"}')
        bus.publish([make_event(0)])
    bus.publish([event])
    handle = Consumer(consumer_name, handlers, transaction, (0.1, 0.3))
    consuming(bus, consumer_name, [event.type], handle)
    eventually(lambda: effects() == ["a:1"])
    eventually(lambda: bus.count_dead_letters(consumer_name) == 1)
    (dead,) = bus.dead_letters(consumer_name)
    assert (dead.body, dead.reason) == (b'{"specversion": "1.0"}', "malformed: id is not a UUID")


def test_failing_handler_is_tried_again_with_growing_delay_then_given_up(
    bus: Bus, transaction: Transaction, consumer_name: str, make_event: Callable[..., Event],
    take_effect: Handler, effects: Callable[[], list[str]], consuming: Consuming,
    eventually: Eventually,
) -> None:  # fmt: skip
    poison, flaky, attempts = make_event(1), make_event(2), []

    def fail(session: Session, event: Event) -> None:
        attempts.append(event.data["n"])
        take_effect(session, event)
        if event.id == poison.id or attempts.count(2) < 2:
            raise ValueError("not yet")

    handlers = {poison.type: fail}
    bus.declare(consumer_name, handlers)
    bus.publish([poison, flaky])
    consuming(
        bus,
        consumer_name,
        [poison.type],
        Consumer(consumer_name, handlers, transaction, (0.1, 0.3)),
    )
    eventually(lambda: bus.count_dead_letters(consumer_name) == 1)
    assert (sorted(attempts), effects()) == ([1, 1, 1, 2, 2], ["a:2"])
    (dead,) = bus.dead_letters(consumer_name)
    assert (dead.reason, dead.attempt) == ("ValueError: not yet", 3)
