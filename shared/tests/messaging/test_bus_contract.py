"""What both drivers of the bus promise."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from chassis.messaging.bus import (
    Bus,
    BusOptions,
    BusUnavailable,
    Decision,
    Delivery,
    Published,
    Verdict,
    connect_bus,
)
from chassis.messaging.event import Event

Consuming = Callable[..., tuple[Any, Callable[[], None]]]
MakeEvent = Callable[..., Event]
Eventually = Callable[..., None]


@pytest.fixture
def consumer() -> str:
    return f"c{uuid4().hex[:10]}"


def outcomes(bus: Bus, events: list[Event]) -> list[Published]:
    return [result.outcome for result in bus.publish(events)]


def test_published_event_arrives_as_it_was_sent(
    bus: Bus, consumer: str, make_event: MakeEvent, consuming: Consuming, eventually: Eventually
) -> None:
    event = make_event(1)
    bus.declare(consumer, [event.type])
    assert outcomes(bus, [event]) == [Published.CONFIRMED]
    inbound, _ = consuming(bus, consumer, [event.type])
    eventually(lambda: inbound.seen)
    assert [Event.from_cloudevent(delivery.body) for delivery in inbound.seen] == [event]
    assert inbound.seen[0].attempt == 1


def test_events_arrive_in_the_order_of_their_publication(
    bus: Bus, consumer: str, make_event: MakeEvent, consuming: Consuming, eventually: Eventually
) -> None:
    kinds = ["placed", "paid", "shipped"]
    events = [make_event(n, kinds[n % 3], subject=str(n % 7)) for n in range(300)]
    types = sorted({event.type for event in events})
    bus.declare(consumer, types)
    inbound, _ = consuming(bus, consumer, types)
    for start in range(0, 300, 100):
        assert set(outcomes(bus, events[start : start + 100])) == {Published.CONFIRMED}
    eventually(lambda: len(inbound.seen) >= 300)
    assert inbound.numbers == list(range(300))


def test_event_that_nobody_wants_is_reported(
    bus: Bus, consumer: str, make_event: MakeEvent
) -> None:
    wanted, unwanted = make_event(1), make_event(2, "ignored")
    bus.declare(consumer, [wanted.type])
    results = bus.publish([unwanted, wanted, unwanted])
    assert [result.outcome for result in results] == [
        Published.UNROUTABLE,
        Published.CONFIRMED,
        Published.UNROUTABLE,
    ]
    assert [result.event_id for result in results] == [unwanted.id, wanted.id, unwanted.id]


def test_declared_consumer_gets_what_was_published_while_it_was_away(
    bus: Bus, consumer: str, make_event: MakeEvent, consuming: Consuming, eventually: Eventually
) -> None:
    events = [make_event(n) for n in range(5)]
    # Before anybody is declared it is unroutable, and the relay keeps it.
    assert outcomes(bus, events[:1]) == [Published.UNROUTABLE]
    bus.declare(consumer, [events[0].type])
    outcomes(bus, events)
    inbound, _ = consuming(bus, consumer, [events[0].type])
    eventually(lambda: len(inbound.seen) >= 5)
    assert inbound.numbers == [0, 1, 2, 3, 4]


def test_each_consumer_gets_its_own_copy_of_its_own_types(
    bus: Bus, open_bus: Callable[[], Bus], make_event: MakeEvent, consuming: Consuming,
    eventually: Eventually,
) -> None:  # fmt: skip
    placed, paid = make_event(1), make_event(2, "paid")
    first, second = f"c{uuid4().hex[:10]}", f"c{uuid4().hex[:10]}"
    bus.declare(first, [placed.type, paid.type])
    bus.declare(second, [paid.type])
    outcomes(bus, [placed, paid])
    one, _ = consuming(bus, first, [placed.type, paid.type])
    other, stop_other = consuming(open_bus(), second, [paid.type])
    eventually(lambda: len(one.seen) == 2 and len(other.seen) == 1)
    assert (one.numbers, other.numbers) == ([1, 2], [2])
    stop_other()


def test_failing_message_comes_back_later_each_time_and_is_then_given_up(
    bus: Bus, consumer: str, make_event: MakeEvent, consuming: Consuming, eventually: Eventually
) -> None:
    delays = {1: 0.1, 2: 0.3}

    def fail(delivery: Delivery) -> Decision:
        if delivery.attempt in delays:
            return Decision(Verdict.RETRY, delays[delivery.attempt], delivery.attempt + 1, "again")
        return Decision(Verdict.DEAD, attempt=delivery.attempt, reason="enough")

    event, other = make_event(1), make_event(2, subject="b")
    bus.declare(consumer, [event.type])
    inbound, stop = consuming(bus, consumer, [event.type], fail)
    outcomes(bus, [event])
    eventually(lambda: bus.count_dead_letters(consumer) == 1)
    assert [delivery.attempt for delivery in inbound.seen] == [1, 2, 3]
    assert {delivery.body for delivery in inbound.seen} == {event.to_cloudevent()}
    (dead,) = bus.dead_letters(consumer)
    assert (dead.body, dead.reason, dead.attempt) == (event.to_cloudevent(), "enough", 3)
    stop()
    # The dead letter stays, and holds nothing up.
    inbound, _ = consuming(bus, consumer, [event.type])
    outcomes(bus, [other])
    eventually(lambda: inbound.numbers == [2])
    assert bus.count_dead_letters(consumer) == 1


def test_waiting_retry_does_not_hold_up_a_shorter_one(
    bus: Bus, consumer: str, make_event: MakeEvent, consuming: Consuming, eventually: Eventually
) -> None:
    def decide(delivery: Delivery) -> Decision:
        if delivery.attempt > 1:
            return Decision(Verdict.DONE)
        slow = Event.from_cloudevent(delivery.body).data["n"] == 1
        return Decision(Verdict.RETRY, 0.3 if slow else 0.1, 2, "again")

    events = [make_event(1), make_event(2)]
    bus.declare(consumer, [events[0].type])
    inbound, _ = consuming(bus, consumer, [events[0].type], decide)
    outcomes(bus, events)
    eventually(lambda: len(inbound.seen) == 4)
    assert inbound.numbers == [1, 2, 2, 1]


def test_dead_letters_can_be_given_to_the_consumer_again(
    bus: Bus, consumer: str, make_event: MakeEvent, consuming: Consuming, eventually: Eventually
) -> None:
    events = [make_event(n) for n in range(3)]
    repaired: list[bool] = []

    def decide(delivery: Delivery) -> Decision:
        n = Event.from_cloudevent(delivery.body).data["n"]
        return Decision(Verdict.DONE if repaired and n else Verdict.DEAD, reason="bug")

    bus.declare(consumer, [events[0].type])
    inbound, _ = consuming(bus, consumer, [events[0].type], decide)
    outcomes(bus, events)
    eventually(lambda: bus.count_dead_letters(consumer) == 3)
    repaired.append(True)
    assert bus.redeliver_dead_letters(consumer, limit=2) == 2
    eventually(lambda: len(inbound.seen) == 5)
    assert inbound.numbers[3:] == [0, 1]
    assert {delivery.attempt for delivery in inbound.seen} == {1}
    # The third one was not given again, and the first one has failed again.
    eventually(lambda: bus.count_dead_letters(consumer) == 2)


def test_dead_letters_of_an_unknown_consumer_are_none(bus: Bus, consumer: str) -> None:
    assert bus.count_dead_letters(consumer) == 0


def test_two_members_of_one_consumer_share_its_messages(
    open_bus: Callable[[], Bus], consumer: str, make_event: MakeEvent, consuming: Consuming,
    eventually: Eventually,
) -> None:  # fmt: skip
    first, second = open_bus(), open_bus()
    events = [make_event(n) for n in range(60)]
    first.declare(consumer, [events[0].type])
    one, _ = consuming(first, consumer, [events[0].type])
    other, _ = consuming(second, consumer, [events[0].type])
    for n in range(0, 60, 10):
        outcomes(first, events[n : n + 10])
    eventually(lambda: len(one.seen) + len(other.seen) >= 60)
    assert sorted(one.numbers + other.numbers) == list(range(60))


def test_stopping_finishes_the_message_in_hand_and_leaves_the_rest(
    open_bus: Callable[[], Bus], consumer: str, make_event: MakeEvent, consuming: Consuming,
    eventually: Eventually,
) -> None:  # fmt: skip
    events = [make_event(n) for n in range(10)]
    bus = open_bus()
    bus.declare(consumer, [events[0].type])
    outcomes(bus, events)
    one, stop = consuming(bus, consumer, [events[0].type])
    eventually(lambda: one.seen)
    stop()
    handled = len(one.seen)
    other, _ = consuming(open_bus(), consumer, [events[0].type])
    eventually(lambda: len(other.seen) >= 10 - handled)
    assert one.numbers + other.numbers == list(range(10))


def test_broker_that_is_away_is_said_so(broker_url: str, make_event: MakeEvent) -> None:
    scheme, _, rest = broker_url.partition("://")
    nowhere = f"{scheme}://{rest.rpartition('@')[0]}@127.0.0.1:1/"
    with connect_bus(nowhere, BusOptions(timeout=2)) as bus:
        for call in (bus.ping, lambda: bus.publish([make_event(1)]), lambda: bus.declare("c", [])):
            with pytest.raises(BusUnavailable) as caught:
                call()
            assert rest.rpartition("@")[0].rpartition(":")[2] not in str(caught.value)


def test_url_of_another_scheme_is_refused() -> None:
    with pytest.raises(ValueError, match="BROKER_URL must start with"):
        connect_bus("kafka://127.0.0.1:9092")
