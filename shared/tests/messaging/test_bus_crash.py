"""Processes that die in the middle: consumers by kill -9, and the broker itself."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any
from uuid import uuid4

import pytest

from chassis.messaging.bus import Bus, BusOptions, Decision, Delivery, Verdict
from chassis.messaging.event import Event

Consuming = Callable[..., tuple[Any, Callable[[], None]]]
MakeEvent = Callable[..., Event]
Eventually = Callable[..., None]

# A consumer that says what it got and then holds it without an answer, or dies of it.
CONSUMER = """
import json, os, sys, threading
from chassis.messaging.bus import BusOptions, Decision, Verdict, connect_bus
from chassis.messaging.event import Event
url, consumer, type, behaviour, options = sys.argv[1:]
options = BusOptions(**json.loads(options))
def handle(delivery):
    n = Event.from_cloudevent(delivery.body).data["n"]
    print(n, flush=True)
    if n == 0 and behaviour == "dies":
        os._exit(9)
    if behaviour == "hangs":
        threading.Event().wait()
    return Decision(Verdict.DONE)
connect_bus(url, options).consume(consumer, [type], handle, threading.Event())
"""


@pytest.fixture
def consumer() -> str:
    return f"c{uuid4().hex[:10]}"


class Process:
    """A consumer in a process of its own; `numbers` are the events that it got."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-c", CONSUMER, *arguments]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.numbers: list[int] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            self.numbers.extend(int(line) for line in iter(lines.readline, ""))

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()


@pytest.fixture
def start(options: BusOptions) -> Iterator[Callable[..., Process]]:
    """Start a consumer in a process of its own; killed at the end of the test."""
    processes: list[Process] = []

    def start_one(*arguments: str) -> Process:
        processes.append(Process(*arguments, json.dumps(asdict(options))))
        return processes[-1]

    yield start_one
    for process in processes:
        process.kill()


def test_message_of_a_killed_consumer_goes_to_another_one(
    broker_url: str, bus: Bus, consumer: str, start: Callable[..., Process],
    make_event: MakeEvent, consuming: Consuming, eventually: Eventually,
) -> None:  # fmt: skip
    events = [make_event(n) for n in range(3)]
    bus.declare(consumer, [events[0].type])
    bus.publish(events)
    process = start(broker_url, consumer, events[0].type, "hangs")
    eventually(lambda: process.numbers == [0])
    process.kill()
    inbound, _ = consuming(bus, consumer, [events[0].type])
    eventually(lambda: len(inbound.seen) >= 3)
    assert sorted(inbound.numbers) == [0, 1, 2]
    assert [delivery.attempt for delivery in inbound.seen] == [1, 1, 1]


def test_message_that_kills_its_consumer_is_given_up_and_no_other(
    broker_url: str, bus: Bus, consumer: str, start: Callable[..., Process],
    make_event: MakeEvent, eventually: Eventually,
) -> None:  # fmt: skip
    events = [make_event(n) for n in range(4)]
    bus.declare(consumer, [events[0].type])
    bus.publish(events)
    processes = [start(broker_url, consumer, events[0].type, "dies")]

    def given_up() -> bool:
        if processes[-1].ended:
            processes.append(start(broker_url, consumer, events[0].type, "dies"))
        handled = {number for process in processes for number in process.numbers}
        return handled == {0, 1, 2, 3} and bus.count_dead_letters(consumer) > 0

    eventually(given_up, timeout=30)
    # The delivery limit is 3; RabbitMQ counts what comes after the first delivery.
    assert sum(process.numbers.count(0) for process in processes) in (3, 4)
    (dead,) = bus.dead_letters(consumer)
    assert (Event.from_cloudevent(dead.body).data["n"], dead.reason) == (0, "delivery_limit")


def test_slow_handlers_lose_no_message_to_another_member(
    open_bus: Callable[[], Bus], consumer: str, make_event: MakeEvent, consuming: Consuming,
    eventually: Eventually,
) -> None:  # fmt: skip
    def slow(_delivery: Delivery) -> Decision:
        threading.Event().wait(0.25)
        return Decision(Verdict.DONE)

    events = [make_event(n) for n in range(6)]
    first = open_bus()
    first.declare(consumer, [events[0].type])
    first.publish(events)
    # All six are held for 1.5 s, more than twice the time after which a silent one is reclaimed.
    one, _ = consuming(first, consumer, [events[0].type], slow)
    eventually(lambda: one.seen)
    other, _ = consuming(open_bus(), consumer, [events[0].type])
    eventually(lambda: len(one.seen) + len(other.seen) >= 6)
    assert sorted(one.numbers + other.numbers) == [0, 1, 2, 3, 4, 5]
