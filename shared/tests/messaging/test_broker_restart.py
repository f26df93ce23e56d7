"""The broker is in trouble: an alarm, and kill -9 in the middle of traffic."""

import os
import secrets
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from redis import Redis
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from chassis.messaging import outbox
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
from chassis.messaging.consumer import Consumer
from chassis.messaging.event import Event
from chassis.messaging.relay import Relay, RelayOptions
from platform_cli import child
from platform_cli.ports import free_port
from platform_cli.stores import rabbitmq, valkey

Transaction = Callable[[], AbstractContextManager[Session]]
Eventually = Callable[..., None]


class Broker:
    """A broker of this test alone, which can be killed and started again."""

    def __init__(self, server: rabbitmq.RabbitMQ | valkey.Valkey, folder: Path) -> None:
        self.url, self._server, self._folder = server.url, server, folder
        server.prepare()
        self._port_mapper = None
        if isinstance(server, rabbitmq.RabbitMQ):
            self._port_mapper = child.spawn(server.port_mapper(), folder / "epmd.log")
            wait_until(server.port_mapper_ready)
        self.start()

    def start(self) -> None:
        self._process = child.spawn(self._server.command(), self._folder / "broker.log")
        wait_until(self._server.ready)

    def control(self, *arguments: str) -> None:
        """Run `rabbitmqctl`."""
        assert isinstance(self._server, rabbitmq.RabbitMQ)
        script = rabbitmq.find_script()
        assert script is not None
        command = [str(script.with_name("rabbitmqctl")), *arguments]
        environment = {**os.environ, **self._server.environment()}
        subprocess.run(command, env=environment, check=True, capture_output=True, timeout=60)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        child.end_group(self._process)

    def end(self) -> None:
        self.kill()
        if self._port_mapper is not None:
            self._port_mapper.kill()
            self._port_mapper.wait()


def wait_until(ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not ready():
        assert time.monotonic() < deadline, "the broker did not start"
        threading.Event().wait(0.05)


@pytest.fixture(scope="module")
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    folder = tmp_path_factory.mktemp("own-redis")
    broker = Broker(valkey.Valkey(folder, free_port(), secrets.token_hex(16)), folder)
    yield broker
    broker.end()


@pytest.fixture(scope="module")
def own_rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    if rabbitmq.find_script() is None:
        pytest.skip("no RabbitMQ is installed here (Debian: rabbitmq-server)")
    folder = tmp_path_factory.mktemp("own-rabbitmq")
    ports = (free_port(), free_port(), free_port())
    broker = Broker(rabbitmq.RabbitMQ(folder, *ports, secrets.token_hex(16)), folder)
    yield broker
    broker.end()


@pytest.fixture(params=["redis", "rabbitmq"])
def broker(request: pytest.FixtureRequest) -> Broker:
    own: Broker = request.getfixturevalue(f"own_{request.param}")
    return own


def test_alarm_holds_publishing_up_but_not_consuming(
    own_rabbitmq: Broker, make_event: Callable[..., Event], consuming: Callable[..., Any],
    eventually: Eventually,
) -> None:  # fmt: skip
    name, events = f"c{uuid4().hex[:8]}", [make_event(n) for n in range(3)]
    with connect_bus(own_rabbitmq.url, BusOptions(timeout=2.0)) as bus:
        bus.declare(name, [events[0].type])
        bus.publish(events[:2])
        own_rabbitmq.control("set_disk_free_limit", "900GB")
        try:
            started = time.monotonic()
            with pytest.raises(BusUnavailable):
                bus.publish(events[2:])
            assert time.monotonic() - started < 6
            inbound, _ = consuming(bus, name, [events[0].type])
            eventually(lambda: inbound.numbers == [0, 1])
        finally:
            own_rabbitmq.control("set_disk_free_limit", "50MB")
        assert bus.publish(events[2:])[0].outcome is Published.CONFIRMED
        eventually(lambda: 2 in inbound.numbers)


def test_full_redis_refuses_events_and_takes_them_when_there_is_room(
    own_redis: Broker, make_event: Callable[..., Event]
) -> None:
    event = make_event(1)
    with connect_bus(own_redis.url) as bus, Redis.from_url(own_redis.url) as redis:
        bus.declare(f"c{uuid4().hex[:8]}", [event.type])
        redis.config_set("maxmemory", "1")
        try:
            with pytest.raises(BusUnavailable, match="OutOfMemoryError"):
                bus.publish([event])
        finally:
            redis.config_set("maxmemory", "256mb")
        assert bus.publish([event])[0].outcome is Published.CONFIRMED


def test_handler_that_takes_longer_than_the_heartbeat_keeps_its_connection(
    own_rabbitmq: Broker, make_event: Callable[..., Event], consuming: Callable[..., Any],
    eventually: Eventually,
) -> None:  # fmt: skip
    def slow(_delivery: Delivery) -> Decision:
        threading.Event().wait(4)
        return Decision(Verdict.DONE)

    name, events = f"c{uuid4().hex[:8]}", [make_event(0), make_event(1)]
    with connect_bus(own_rabbitmq.url, BusOptions(heartbeat=1)) as bus:
        bus.declare(name, [events[0].type])
        bus.publish(events[:1])
        inbound, stop = consuming(bus, name, [events[0].type], slow)
        eventually(lambda: inbound.seen)
        # The publisher has said nothing in the meantime either.
        stop()
        assert bus.publish(events[1:])[0].outcome is Published.CONFIRMED
        # Acknowledged: it does not come again.
        again, _ = consuming(bus, name, [events[0].type])
        eventually(lambda: again.numbers == [1])


def test_killed_broker_loses_nothing_and_everything_reconnects(
    broker: Broker, database_url: str, engine: Engine, transaction: Transaction,
    take_effect: Callable[[Session, Event], None], effects: Callable[[], list[str]],
    eventually: Eventually,
) -> None:  # fmt: skip
    name, producer, stop = f"c{uuid4().hex[:8]}", f"t{uuid4().hex[:8]}", threading.Event()
    handlers = {f"{producer}.placed.v1": take_effect}

    def record(numbers: range) -> None:
        for n in numbers:
            with transaction() as session:
                outbox.record(session, f"{producer}.placed.v1", f"s{n % 10}", {"n": n})

    def pending() -> int:
        with engine.connect() as connection:
            return outbox.count_pending(connection)

    bus: Bus = connect_bus(broker.url, BusOptions(reclaim_after=1.0, timeout=5.0))
    bus.declare(name, handlers)
    relay = Relay(database_url, bus, RelayOptions(source="/orders", poll=0.01))
    consumer = Consumer(name, handlers, transaction)
    threads = [
        threading.Thread(target=relay.run, args=(stop,)),
        threading.Thread(target=bus.consume, args=(name, handlers, consumer, stop)),
    ]
    for thread in threads:
        thread.start()
    try:
        record(range(100))
        eventually(lambda: len(effects()) > 20)
        broker.kill()
        record(range(100, 200))
        assert pending() > 0
        broker.start()
        record(range(200, 250))
        eventually(lambda: len(effects()) >= 250, timeout=40)
    finally:
        stop.set()
        for thread in threads:
            thread.join(15)
        bus.close()
    assert sorted(effects()) == sorted(f"s{n % 10}:{n}" for n in range(250))
    assert pending() == 0
