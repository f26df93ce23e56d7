"""SIGKILL of the worker in the middle of sending: the provider's own books say what it got."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import text

from chassis import clock, migrations
from chassis.database import current_session, dispose_engines, transaction
from chassis.messaging.bus import connect_bus
from chassis.messaging.event import Event
from chassis.sealing import seal
from notification_service import create_app
from notification_service.config import Config
from notification_service.events import CONSUMES
from notification_service.services.audit import run_audit
from platform_cli.ports import free_port

sys.path.insert(0, str(Path(__file__).parents[2] / "notification-service" / "tests" / "contract"))

from verifying import VerifyingAliyun, VerifyingHuawei, VerifyingServer

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

Eventually = Callable[..., None]
SECRET = "a secret of the chaos"
_DATABASES = count(5)
# So many messages are in the provider's hands for so long that a kill cannot miss all of them.
ANSWER_SECONDS = 0.05
# Waiting times in seconds that are longer in real life.
IMPATIENT = {
    "SMS_CONNECT_TIMEOUT": "1",
    "SMS_READ_TIMEOUT": "2",
    "SMTP_TIMEOUT": "1",
    "SMTP_DATA_TIMEOUT": "1",
    "DELIVERY_LEASE": "3.5",
    "DELIVERY_LOOKUP_INTERVAL": "0.5",
    "DELIVERY_UNSEEN_GRACE": "4",
}


class Slow:
    """A provider that takes its time between taking a message and saying so."""

    def accept(self, *arguments: Any) -> Any:
        taken = super().accept(*arguments)  # type: ignore[misc]
        self._closing.wait(ANSWER_SECONDS)  # type: ignore[attr-defined]
        return taken


class SlowAliyun(Slow, VerifyingAliyun):
    """Can be asked what became of a message."""


class SlowHuawei(Slow, VerifyingHuawei):
    """Cannot be asked."""


class Delivery:
    """The service's worker as a process, its database, and the provider that it sends to."""

    def __init__(self, provider: VerifyingServer, environment: dict[str, str], log: Path) -> None:
        self.provider, self._environment, self._log = provider, environment, log
        self.app: Flask = create_app(Config.from_env(environment))
        migrations.migrate(self.app)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start a worker."""
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "notification_service", "worker"],
                env={**os.environ, **self._environment},
                stdout=output,
                stderr=output,
            )

    def kill(self) -> None:
        """Kill the worker with SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def ask_for_codes(self, most: int) -> None:
        """Publish as many events as user-service would for customers who log in."""
        with connect_bus(self._environment["REDIS_URL"]) as bus:
            bus.declare("notifications", CONSUMES)
            for start in range(0, most, 100):
                bus.publish([_asked(number) for number in range(start, start + 100)])

    def accept_codes(self, most: int) -> None:
        """Accept messages as the worker does of such events; nobody waits for a broker then."""
        for number in range(most):
            event = _asked(number)
            with self.app.app_context(), transaction() as session:
                CONSUMES[event.type](session, event)

    def taken(self) -> int:
        """Return how many messages the provider has taken."""
        return self.provider.counts().total()

    def states(self) -> dict[str, str]:
        """Return the state of each message by its id."""
        return dict(self._rows("SELECT id::text, state FROM messages"))

    def attempts(self, state: str, code: str = "%") -> Counter[str]:
        """Return how many attempts of this state and code each message has had."""
        found = "SELECT message_id::text, code FROM attempts WHERE state = :state"
        rows = self._rows(f"{found} AND coalesce(code, '') LIKE :code", state=state, code=code)
        return Counter(message_id for message_id, _ in rows)

    def broken(self) -> list[Any]:
        """Return the checks of the audit that fail."""
        with self.app.app_context(), transaction() as session:
            return [check for check in run_audit(session)["checks"] if not check["ok"]]

    def close(self) -> None:
        """End the worker and all connections."""
        self.kill()
        dispose_engines(self.app)

    def _rows(self, statement: str, **values: str) -> list[Any]:
        with self.app.app_context():
            return [tuple(row) for row in current_session().execute(text(statement), values)]


def _asked(number: int) -> Event:
    data = {
        "verification_id": str(uuid4()),
        "user_id": None,
        "purpose": "login",
        "channel": "sms",
        "receiver": f"+86138{number:08d}",
        "locale": "zh-CN",
        "code_sealed": seal(f"{number:06d}", SECRET, purpose="verification"),
        "expires_at": (clock.now() + timedelta(minutes=5)).isoformat(),
    }
    return Event(
        id=uuid4(),
        type="verification.requested.v1",
        source="/users",
        subject=data["receiver"] or "",
        time=clock.now(),
        data=data,
        sequence=number + 1,
    )


@pytest.fixture
def open_delivery(
    postgres_url: Callable[[str], str], redis_url: str, tmp_path: Path
) -> Iterator[Callable[[VerifyingServer, str], Delivery]]:
    """Open a delivery through a provider: `open_delivery(server, dotted_path)`."""
    opened: list[Delivery] = []

    def make(provider: VerifyingServer, path: str) -> Delivery:
        name = path.partition(".providers.")[2].partition(":")[0]
        mapping = f'[providers.{name}.zh-CN]\ntemplate_id = "SMS_1"\nsign_name = "店"\n'
        (tmp_path / "login_code.toml").write_text(f'{mapping}variables = ["code", "minutes"]\n')
        environment = {
            **IMPATIENT,
            **provider.environment(),
            "PLATFORM_ENV": "testing",
            "DATABASE_URL": postgres_url("notifications_chaos"),
            # Streams of its own: what one worker left unacknowledged would come to the next test.
            "REDIS_URL": redis_url.removesuffix("/0") + f"/{next(_DATABASES)}",
            "SECRET_KEY": SECRET,
            "SMS_PROVIDERS": path,
            "TEMPLATES_PATH": str(tmp_path),
            "WORKER_PORT": str(free_port()),
        }
        opened.append(Delivery(provider, environment, tmp_path / "worker.log"))
        return opened[-1]

    yield make
    for delivery in opened:
        delivery.close()


def test_killing_the_worker_loses_no_message_and_sends_none_twice(
    open_delivery: Callable[..., Delivery], eventually: Eventually
) -> None:
    with SlowAliyun() as provider:
        delivery = open_delivery(provider, "notification_service.providers.aliyun:AliyunProvider")
        # The worker lives on here, and the answer is lost on its way.
        provider.next(*["ok", "lose"] * 5)
        delivery.ask_for_codes(1000)
        for taken in (250, 550):
            delivery.start()
            eventually(lambda taken=taken: delivery.taken() >= taken, timeout=60)
            delivery.kill()
        delivery.start()

        eventually(lambda: list(delivery.states().values()).count("sent") == 1000, timeout=150)

        states = delivery.states()
        assert provider.counts() == Counter(dict.fromkeys(states, 1))
        assert len({message.to for message in provider.messages}) == len(states) == 1000
    assert provider.refusals == []
    # Nobody knew of these until the provider was asked; neither was any of them made up.
    assert delivery.attempts("unknown", "worker_died").total() >= 1
    assert delivery.attempts("unknown", "connection_lost").total() == 5
    assert delivery.broken() == []


def test_what_nobody_can_be_asked_about_is_marked_unknown_and_never_sent_twice(
    open_delivery: Callable[..., Delivery], eventually: Eventually
) -> None:
    with SlowHuawei() as provider:
        delivery = open_delivery(provider, "notification_service.providers.huawei:HuaweiProvider")
        provider.next(*["ok", "lose"] * 5)
        delivery.accept_codes(300)
        delivery.start()
        eventually(lambda: delivery.taken() >= 100, timeout=60)
        delivery.kill()
        delivery.start()

        eventually(lambda: set(delivery.states().values()) == {"sent", "unknown"}, timeout=150)

        states, counts = delivery.states(), provider.counts()
    lost = delivery.attempts("unknown")
    assert set(counts.values()) == {1} and set(counts) <= set(states)
    assert {one for one in states if one not in counts} <= set(lost)
    assert {one for one, state in states.items() if state == "unknown"} == set(lost)
    assert 5 < lost.total() == len(lost) <= 5 + 16
    assert delivery.broken() == []
