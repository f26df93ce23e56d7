"""What is measured: a worker of notification-service, its stores, and the provider it sends to."""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

sys.path.insert(0, str(Path(__file__).parents[2] / "notification-service" / "tests" / "contract"))

from flask import Flask
from sqlalchemy import text
from verifying import VerifyingTencent

from chassis import clock, migrations
from chassis.database import current_session, transaction
from chassis.messaging.bus import Bus, connect_bus
from chassis.messaging.event import Event
from chassis.sealing import seal
from notification_service import create_app
from notification_service.config import Config
from notification_service.events import CONSUMES
from platform_cli.ports import free_port
from platform_cli.stores import postgres, rabbitmq, valkey

ASKED = "verification.requested.v1"
_SECRET = "benchmark"
_MAPPING = """
[providers.tencent.zh-CN]
template_id = "1"
sign_name = "店"
variables = ["code", "minutes"]
"""


class Provider(VerifyingTencent):
    """Checks every signature, and answers after `seconds`, as providers on the Internet do."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    def accept(self, *arguments: Any) -> Any:
        """Enter a message in the books, then take time."""
        taken = super().accept(*arguments)
        self._closing.wait(self._seconds)
        return taken


@dataclass
class Bench:
    """One run: an empty database, and a provider. `start` begins the worker."""

    environment: dict[str, str]
    provider: Provider
    app: Flask
    bus: Bus
    _numbers: Iterator[int] = field(default_factory=lambda: iter(range(100_000_000)))
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the worker."""
        log = Path(self.environment["TEMPLATES_PATH"]) / "worker.log"
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "notification_service", "worker"],
                env={**os.environ, **self.environment},
                stdout=output,
                stderr=output,
            )

    def events(self, count: int) -> list[Event]:
        """Make events of customers who ask for a code, each with a number of their own."""
        return [_asked(next(self._numbers)) for _ in range(count)]

    def accept(self, events: Sequence[Event]) -> None:
        """Put messages into the queue as the worker does with such events."""
        for event in events:
            with self.app.app_context(), transaction() as session:
                CONSUMES[event.type](session, event)

    def wait(self, sent: int, seconds: float = 300.0) -> None:
        """Wait until the service has noted so many messages as sent."""
        deadline = time.monotonic() + seconds
        while len(self.times()) < sent:
            if time.monotonic() > deadline:
                raise SystemExit(f"only {len(self.times())} of {sent} messages were sent")
            time.sleep(0.25)

    def times(self) -> list[tuple[str, float]]:
        """Return number and time of each message that was sent, in their order."""
        statement = (
            "SELECT receiver, extract(epoch FROM sent_at) FROM messages"
            " WHERE sent_at IS NOT NULL ORDER BY sent_at"
        )
        with self.app.app_context():
            found = current_session().execute(text(statement)).all()
        return [(row[0], float(row[1])) for row in found]

    def cpu_seconds(self) -> float:
        """Return the CPU time of the worker so far."""
        assert self.process is not None
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        """End the worker."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(40)
        self.bus.close()


@dataclass(frozen=True)
class Stores:
    """Servers of all runs."""

    postgres: Any
    redis_url: str
    broker_url: str


@contextlib.contextmanager
def stores(broker: str) -> Iterator[Stores]:
    """Run Postgres, with fsync as in production, Valkey, and RabbitMQ where that is the broker."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(postgres.running(folder / "postgres", durable=True))
        redis_url = stack.enter_context(valkey.running(folder / "valkey"))
        broker_url = redis_url
        if broker == "rabbitmq":
            broker_url = stack.enter_context(rabbitmq.running(folder / "rabbitmq"))
        yield Stores(server, redis_url, broker_url)


@contextlib.contextmanager
def bench(servers: Stores, answer_seconds: float) -> Iterator[Bench]:
    """Prepare a run; the provider takes `answer_seconds` for each answer."""
    with tempfile.TemporaryDirectory() as folder, Provider(answer_seconds) as provider:
        (Path(folder) / "login_code.toml").write_text(_MAPPING, encoding="utf-8")
        environment = {
            **provider.environment(),
            "DATABASE_URL": servers.postgres.create_database(f"notifications_{uuid4().hex[:8]}"),
            "REDIS_URL": servers.redis_url,
            "BROKER_URL": servers.broker_url,
            "SECRET_KEY": _SECRET,
            # Elsewhere each message is written into the development inbox too.
            "PLATFORM_ENV": "production",
            "SMS_PROVIDERS": "notification_service.providers.tencent:TencentProvider",
            "TEMPLATES_PATH": folder,
            "WORKER_PORT": str(free_port()),
        }
        app = create_app(Config.from_env({**environment, "LOG_LEVEL": "WARNING"}))
        migrations.migrate(app)
        bus = connect_bus(servers.broker_url)
        bus.declare("notifications", CONSUMES)
        running = Bench(environment, provider, app, bus)
        try:
            yield running
        finally:
            running.close()


def _asked(number: int) -> Event:
    now = clock.now()
    data = {
        "verification_id": str(uuid4()),
        "user_id": None,
        "purpose": "login",
        "channel": "sms",
        "receiver": f"+86138{number:08d}",
        "locale": "zh-CN",
        "code_sealed": seal(f"{number % 1_000_000:06d}", _SECRET, purpose="verification"),
        "expires_at": (now + timedelta(minutes=5)).isoformat(),
    }
    return Event(
        id=uuid4(),
        type=ASKED,
        source="/users",
        subject=str(data["receiver"]),
        time=now,
        data=data,
        sequence=number + 1,
    )
