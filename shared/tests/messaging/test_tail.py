"""Looking at events as they pass, on both brokers."""

from collections.abc import Callable
from contextlib import closing
from itertools import islice
from typing import Any

import pytest

from chassis.messaging.bus import Bus, BusUnavailable
from chassis.messaging.event import Event
from chassis.messaging.tail import tail_events
from platform_cli.ports import free_port

Consuming = Callable[..., tuple[Any, Callable[[], None]]]
MakeEvent = Callable[..., Event]
Eventually = Callable[..., None]
Tail = Any


@pytest.fixture
def consumer(producer: str) -> str:
    """A consumer of this test's own."""
    return f"of-{producer}"


def next_events(tail: Tail, count: int) -> list[Event]:
    """Return the next events; the pauses between them are left out."""
    return list(islice((event for event in tail if event is not None), count))


def test_events_are_seen_from_now_on_in_their_order_and_taken_from_nobody(
    bus: Bus,
    broker_url: str,
    consumer: str,
    make_event: MakeEvent,
    consuming: Consuming,
    eventually: Eventually,
) -> None:
    events = [make_event(number) for number in range(4)]
    bus.declare(consumer, [events[0].type])
    bus.publish(events[:1])
    with closing(tail_events(broker_url, [events[0].type])) as tail:
        assert next(tail) is None
        bus.publish(events[1:])
        assert next_events(tail, 3) == events[1:]
    inbound, _ = consuming(bus, consumer, [events[0].type])
    eventually(lambda: inbound.numbers == [0, 1, 2, 3])


def test_other_types_of_the_same_producer_are_left_out(
    bus: Bus, broker_url: str, consumer: str, make_event: MakeEvent
) -> None:
    placed, paid = make_event(1), make_event(2, what="paid")
    bus.declare(consumer, [placed.type, paid.type])
    with closing(tail_events(broker_url, [paid.type])) as tail:
        assert next(tail) is None
        bus.publish([placed, paid])
        assert next_events(tail, 1) == [paid]


def test_two_may_look_at_the_same_time(
    bus: Bus, broker_url: str, consumer: str, make_event: MakeEvent
) -> None:
    event = make_event(1)
    bus.declare(consumer, [event.type])
    with (
        closing(tail_events(broker_url, [event.type])) as one,
        closing(tail_events(broker_url, [event.type])) as other,
    ):
        assert (next(one), next(other)) == (None, None)
        bus.publish([event])
        assert next_events(one, 1) == next_events(other, 1) == [event]


def test_tail_ends_when_it_is_told_to(broker_url: str, producer: str) -> None:
    asked = iter([False, False, True])
    tail = tail_events(broker_url, [f"{producer}.placed.v1"], stop=lambda: next(asked))
    assert list(tail) == [None, None]


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_broker_that_is_away_is_told(scheme: str) -> None:
    with pytest.raises(BusUnavailable):
        next(tail_events(f"{scheme}://user:pass@127.0.0.1:{free_port()}/", ["orders.placed.v1"]))
