"""Whole platforms for the tests that span services: started as a person would, on free ports."""

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from api_gateway.route_file import PACKAGED
from platform_cli.manifest import WORKER_OFFSET, own_services, port_offsets, read_manifest
from platform_cli.running import find_running
from platform_cli.shop_client import ShopClient
from platform_cli.stores import rabbitmq

REPOSITORY = Path(__file__).resolve().parents[1]
# A service that is not the platform's own, as a team would add one.
EXAMPLE = REPOSITORY / "examples" / "compute-service"
# Waiting times in seconds that are longer in real life: until a payment whose worker died is looked
# up, and until one that the provider does not know is given up.
IMPATIENT = ("PAYMENT_PROVIDER_TIMEOUT=3", "PAYMENT_LEASE=4", "PAYMENT_UNKNOWN_GRACE=6")


@dataclass(frozen=True)
class PlatformUnderTest:
    """A platform that runs on its own `var` folder and ports."""

    var: Path
    port: int

    @property
    def client(self) -> ShopClient:
        """A new client of the gateway."""
        return ShopClient(f"http://127.0.0.1:{self.port}")

    @property
    def routes(self) -> Path:
        """The gateway's route table."""
        return self.var / "routes.toml"

    @property
    def admin(self) -> tuple[str, str]:
        """E-mail and password of the first admin."""
        running = find_running(self.var)
        return running.admin_email, running.admin_password

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `./platform ARGUMENTS` on this platform; fails when it does."""
        done = self.try_command(*arguments)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done

    def try_command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `./platform ARGUMENTS` on this platform."""
        return subprocess.run(
            [sys.executable, "-m", "platform_cli", *arguments, "--var", str(self.var)],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=150,
        )

    def process(self, name: str) -> dict[str, Any]:
        """Return a process as the supervisor's state file tells of it."""
        state = json.loads((self.var / "run" / "state.json").read_text())
        found: dict[str, Any] = next(row for row in state["processes"] if row["name"] == name)
        return found

    def kill(self, name: str) -> int | None:
        """Kill a process with SIGKILL; returns its pid, or None while it is not ready."""
        row = self.process(name)
        if row["phase"] != "ready":
            return None
        try:
            os.kill(row["pid"], signal.SIGKILL)
        except ProcessLookupError:  # Killed a moment ago, and the supervisor has not seen it yet.
            return None
        return int(row["pid"])

    def back_again(self, name: str, old_pid: int) -> bool:
        """Tell whether the killed process has a successor that is ready."""
        row = self.process(name)
        return row["phase"] == "ready" and row["pid"] != old_pid


def free_base_port() -> int:
    """Return a port from which all ports of a platform are free, with those of two more services.

    These are the example and the one that a test makes, which gets the first offset that is left.
    """
    more = (read_manifest(EXAMPLE).offset, len(own_services()) + 1)
    offsets = {*port_offsets(), *more, *(offset + WORKER_OFFSET for offset in more)}
    while True:
        base = random.randrange(21_000, 31_000)
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for offset in offsets:
                stack.enter_context(socket.socket()).bind(("127.0.0.1", base + offset))
            return base


@pytest.fixture
def base_port() -> int:
    """A port for the gateway of a platform that a test starts itself."""
    return free_base_port()


@pytest.fixture(scope="session")
def start_platform(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., PlatformUnderTest]]:
    """Start a platform: `start_platform("--broker", "rabbitmq")`; all end with the run."""
    started: list[PlatformUnderTest] = []

    def start(*options: str) -> PlatformUnderTest:
        platform = PlatformUnderTest(tmp_path_factory.mktemp("platform"), free_base_port())
        started.append(platform)
        env_file = platform.var / "impatient.env"
        # A copy, so that a test can change the routes of its platform.
        shutil.copy(PACKAGED, platform.routes)
        env_file.write_text("\n".join((*IMPATIENT, f"GATEWAY_ROUTES={platform.routes}")))
        port = str(platform.port)
        platform.command("up", "--detach", "--port", port, "--env-file", str(env_file), *options)
        return platform

    yield start
    for platform in started:
        platform.try_command("down")


@pytest.fixture(scope="session")
def platform(start_platform: Callable[..., PlatformUnderTest]) -> PlatformUnderTest:
    """A platform on the embedded stores, with the example beside its own services."""
    return start_platform("--with", str(EXAMPLE))


@pytest.fixture(scope="session")
def rabbitmq_platform(start_platform: Callable[..., PlatformUnderTest]) -> PlatformUnderTest:
    """A platform on a private RabbitMQ; skipped where none is installed."""
    if not rabbitmq.available():
        pytest.skip("no RabbitMQ is installed here (Debian: rabbitmq-server)")
    return start_platform("--broker", "rabbitmq")


@pytest.fixture(scope="session")
def day_of_trade(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small day in the Online Retail format, always the same: see `_day`."""
    path = tmp_path_factory.mktemp("trade") / "day.csv"
    path.write_text("\n".join(_day()) + "\n", encoding="utf-8")
    return path


def _day() -> list[str]:
    """Make 48 invoices of 12 customers and guests, 2 cancellations, 4 lines nobody can use."""
    dice = random.Random(20101201)
    lines = ["InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"]

    def line(invoice: str, code: str, quantity: int, price: str, customer: str) -> str:
        return f"{invoice},{code},ITEM {code},{quantity},2010-12-01 08:26:00,{price},{customer},UK"

    for number in range(536365, 536413):
        customer = str(17850 + number % 12) if number % 5 else ""
        for code in sorted(dice.sample(range(22100, 22130), dice.randint(1, 7))):
            lines.append(line(str(number), str(code), dice.randint(1, 12), "2.55", customer))
    lines += [
        line("536500", "22728", 10, "3.75", "17850"),
        line("C536501", "22728", -4, "3.75", "17850"),
        line("C536502", "22728", -400, "3.75", "17850"),
        line("536503", "POST", 1, "18.00", "17850"),
        line("536504", "22729", 5, "0.00", ""),
        line("536505", "22729", -5, "1.00", ""),
        line("536506", "22729", 5, "cheap", ""),
    ]
    return lines
