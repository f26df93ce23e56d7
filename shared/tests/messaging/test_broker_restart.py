"""The broker is killed with kill -9 in the middle of traffic, and comes back with its files."""

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from chassis.messaging import outbox
from chassis.messaging.bus import Bus, BusOptions, connect_bus
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

    def __init__(
        self, server: rabbitmq.RabbitMQ | valkey.Valkey, folder: Path, eventually: Eventually
    ) -> None:
        self.url, self._server, self._folder, self._eventually = (
            server.url,
            server,
            folder,
            eventually,
        )
        server.prepare()
        self._port_mapper = None
        if isinstance(server, rabbitmq.RabbitMQ):
            self._port_mapper = child.spawn(server.port_mapper(), folder / "epmd.log")
            eventually(server.port_mapper_ready)
        self.start()

    def start(self) -> None:
        self._process = child.spawn(self._server.command(), self._folder / "broker.log")
        self._eventually(self._server.ready, timeout=60)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        child.end_group(self._process)

    def end(self) -> None:
        self.kill()
        if self._port_mapper is not None:
            self._port_mapper.kill()
            self._port_mapper.wait()


@pytest.fixture(params=["redis", "rabbitmq"])
def broker(
    request: pytest.FixtureRequest, tmp_path: Path, eventually: Eventually
) -> Iterator[Broker]:
    if request.param == "redis":
        server = valkey.Valkey(tmp_path, free_port(), secrets.token_hex(16))
        broker = Broker(server, tmp_path, eventually)
    elif rabbitmq.find_script() is None:
        pytest.skip("no RabbitMQ is installed here (Debian: rabbitmq-server)")
    else:
        ports = (free_port(), free_port(), free_port())
        node = rabbitmq.RabbitMQ(tmp_path, *ports, secrets.token_hex(16))
        broker = Broker(node, tmp_path, eventually)
    yield broker
    broker.end()


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
