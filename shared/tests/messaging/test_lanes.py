"""Several messages at a time: what runs side by side, what does not, and what is settled when."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.orm import Session

from chassis.messaging.bus import (
    Bus,
    BusOptions,
    Decision,
    Delivery,
    Handler,
    Verdict,
    connect_bus,
)
from chassis.messaging.consumer import Consumer
from chassis.messaging.event import Event
from chassis.messaging.lanes import Lanes

Consuming = Callable[..., tuple[Any, Callable[[], None]]]
MakeEvent = Callable[..., Event]
Eventually = Callable[..., None]
Transaction = Callable[[], AbstractContextManager[Session]]
DONE = Decision(Verdict.DONE)
PATIENCE = 10.0


def deliveries(make_event: MakeEvent, *subjects: str) -> list[Delivery]:
    events = (make_event(n, subject=subject) for n, subject in enumerate(subjects))
    return [Delivery(event.to_cloudevent()) for event in events]


def said(delivery: Delivery) -> tuple[str, int]:
    event = Event.from_cloudevent(delivery.body)
    return event.subject, event.data["n"]


def places(handler: Handler, threads: int, given: list[Delivery]) -> list[int]:
    with Lanes(handler, threads) as lanes:
        made = lanes.handle(given, threading.Event())
        return [place for decided in made for place, _ in decided]


def test_subjects_run_side_by_side_and_each_in_its_order(make_event: MakeEvent) -> None:
    together = threading.Barrier(2, timeout=PATIENCE)
    begun: list[tuple[str, int]] = []

    def handle(delivery: Delivery) -> Decision:
        begun.append(said(delivery))
        # Both subjects have to be here, twice: one after the other nobody would ever pass.
        together.wait()
        return DONE

    found = places(handle, 2, deliveries(make_event, "a", "a", "b", "b"))
    assert sorted(found) == [0, 1, 2, 3]
    assert [n for subject, n in begun if subject == "a"] == [0, 1]
    assert [n for subject, n in begun if subject == "b"] == [2, 3]


def test_one_thread_is_the_callers_own(make_event: MakeEvent) -> None:
    threads: list[int] = []

    def handle(_delivery: Delivery) -> Decision:
        threads.append(threading.get_ident())
        return DONE

    assert places(handle, 1, deliveries(make_event, "a", "b", "c")) == [0, 1, 2]
    assert set(threads) == {threading.get_ident()}


def test_decisions_do_not_wait_for_a_slow_handler(make_event: MakeEvent) -> None:
    release = threading.Event()

    def handle(delivery: Delivery) -> Decision:
        if said(delivery)[0] == "slow":
            assert release.wait(PATIENCE)
        return DONE

    with Lanes(handle, 2) as lanes:
        made = lanes.handle(deliveries(make_event, "slow", "a", "b"), threading.Event())
        early: list[int] = []
        while len(early) < 2:
            early += [place for place, _ in next(made)]
        assert early == [1, 2]
        release.set()
        assert [place for decided in made for place, _ in decided] == [0]


@pytest.mark.parametrize("threads", [1, 2])
def test_nothing_is_begun_after_the_stop(make_event: MakeEvent, threads: int) -> None:
    stop = threading.Event()

    def handle(_delivery: Delivery) -> Decision:
        stop.set()
        return DONE

    with Lanes(handle, threads) as lanes:
        given = deliveries(make_event, "a", "a", "a", "b", "b")
        made = [place for decided in lanes.handle(given, stop) for place, _ in decided]
    # With two threads the second may have begun its first one before the first one stopped all.
    assert set(made) <= {0, 3}
    assert made


@pytest.mark.parametrize("threads", [1, 2])
def test_handler_that_breaks_down_ends_the_session(make_event: MakeEvent, threads: int) -> None:
    def handle(_delivery: Delivery) -> Decision:
        raise LookupError("broken")

    with pytest.raises(LookupError, match="broken"):
        places(handle, threads, deliveries(make_event, "a", "b"))


def test_what_is_not_ours_is_refused_like_everything_else(make_event: MakeEvent) -> None:
    given = [Delivery(b"{"), Delivery(b"[]"), Delivery(b"7"), *deliveries(make_event, "a")]
    assert sorted(places(lambda _: DONE, 2, given)) == [0, 1, 2, 3]


@pytest.fixture
def wide_bus(broker_url: str, options: BusOptions) -> Iterator[Bus]:
    """A bus that handles three messages at a time."""
    with connect_bus(broker_url, replace(options, threads=3)) as bus:
        yield bus


@pytest.fixture
def consumer() -> str:
    return f"c{uuid4().hex[:10]}"


def test_failing_events_among_others_harm_none_of_them(
    wide_bus: Bus, consumer: str, transaction: Transaction, make_event: MakeEvent,
    take_effect: Callable[[Session, Event], None], effects: Callable[[], list[str]],
    consuming: Consuming, eventually: Eventually,
) -> None:  # fmt: skip
    events = [make_event(n, subject=f"s{n % 5}") for n in range(60)]
    flaky, poison, failed = {7, 21}, {13, 40}, set()

    def handle(session: Session, event: Event) -> None:
        n = event.data["n"]
        take_effect(session, event)
        if n in poison or (n in flaky and n not in failed):
            failed.add(n)
            raise ValueError("no")

    handlers = {events[0].type: handle}
    wide_bus.declare(consumer, handlers)
    wide_bus.publish(events)
    decide = Consumer(consumer, handlers, transaction, (0.1, 0.3))
    consuming(wide_bus, consumer, list(handlers), decide)
    eventually(lambda: wide_bus.count_dead_letters(consumer) == 2 and len(effects()) == 58)
    done = effects()
    assert sorted(done) == sorted(f"s{n % 5}:{n}" for n in range(60) if n not in poison)
    for subject in range(5):
        mine = [int(what.partition(":")[2]) for what in done if what.startswith(f"s{subject}:")]
        straight = [n for n in mine if n not in flaky]
        assert straight == sorted(straight)


def test_stopped_consumer_leaves_each_message_to_others_once(
    wide_bus: Bus, open_bus: Callable[[], Bus], consumer: str, make_event: MakeEvent,
    consuming: Consuming, eventually: Eventually,
) -> None:  # fmt: skip
    events = [make_event(n, subject=str(n)) for n in range(30)]
    wide_bus.declare(consumer, [events[0].type])
    wide_bus.publish(events)
    one, stop = consuming(wide_bus, consumer, [events[0].type])
    eventually(lambda: one.seen)
    stop()
    other, _ = consuming(open_bus(), consumer, [events[0].type])
    eventually(lambda: len(one.seen) + len(other.seen) >= 30)
    assert sorted(one.numbers + other.numbers) == list(range(30))
