"""The real platform, started as a person would."""

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from platform_cli.manifest import own_names, port_offsets
from platform_cli.stores import postgres, valkey

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


class Platform:
    def __init__(self, var: Path) -> None:
        self.var, self.port = var, free_base_port()

    def call(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "platform_cli", *arguments, "--var", str(self.var)],
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            timeout=200,
        )

    def up(self, *options: str) -> subprocess.CompletedProcess[str]:
        result = self.call("up", "--detach", "--port", str(self.port), *options)
        assert result.returncode == 0, result.stdout + result.stderr
        return result

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(self.call("status", "--json").stdout)
        return state

    def pids(self) -> dict[str, int]:
        return {row["name"]: row["pid"] for row in self.state()["processes"] if row["pid"]}

    def health(self) -> str:
        try:
            answer = urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=10)
        except urllib.error.HTTPError as error:  # The prober has not seen all of them up yet.
            answer = error
        with answer:
            document = json.load(answer)
        return str(document.get("data", document)["status"])


def free_base_port() -> int:
    """Return a port from which all ports of a platform are free."""
    while True:
        base = random.randrange(20_000, 31_000)
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for offset in port_offsets():
                stack.enter_context(socket.socket()).bind(("127.0.0.1", base + offset))
            return base


@pytest.fixture
def platform(folder: Path) -> Iterator[Platform]:
    platform = Platform(folder)
    yield platform
    platform.call("down")


def test_up_restarts_what_dies_and_leaves_nothing_when_killed(
    platform: Platform, eventually: Callable[..., None]
) -> None:
    printed = platform.up("--scale", "orders=2").stdout
    assert f"Gateway      http://127.0.0.1:{platform.port}\n" in printed
    eventually(lambda: platform.health() == "healthy")
    before = platform.pids()
    assert set(before) == {
        "valkey",
        "postgres",
        "gateway",
        *(
            f"{name}-{kind}"
            for name in own_names()
            if name != "orders"
            for kind in ("web", "worker")
        ),
        *(f"orders-{kind}{number}" for kind in ("web", "worker") for number in ("", "-2")),
    }

    killed = ("orders-worker", "postgres", "gateway")
    for name in killed:
        os.kill(before[name], signal.SIGKILL)
    eventually(lambda: all_new(platform, before, killed), timeout=60)
    after = platform.pids()
    assert {name for name in before if before[name] != after[name]} == set(killed)
    eventually(lambda: platform.health() == "healthy")

    supervisor = psutil.Process(platform.state()["pid"])
    family = supervisor.children(recursive=True)
    assert len(family) > len(after)
    supervisor.kill()
    assert psutil.wait_procs(family, timeout=30)[1] == []

    platform.up()
    eventually(lambda: platform.health() == "healthy")
    assert platform.call("down").stdout.startswith("Stopped in ")


def all_new(platform: Platform, before: dict[str, int], killed: tuple[str, ...]) -> bool:
    """Tell whether everything is ready and each killed process has a successor."""
    rows = platform.state()["processes"]
    pids = {row["name"]: row["pid"] for row in rows}
    settled = {row["phase"] for row in rows} <= {"ready", "done"}
    return settled and all(pids[name] != before[name] for name in killed)


def test_stores_that_somebody_else_runs_are_used_as_they_are(
    platform: Platform, tmp_path: Path, eventually: Callable[..., None]
) -> None:
    with (
        postgres.running(platform.var / "elsewhere") as server,
        valkey.running(tmp_path / "valkey") as redis_url,
    ):
        urls = {
            f"{name.upper()}_DATABASE_URL": server.create_database(name) for name in own_names()
        }
        env_file = tmp_path / ".env"
        env_file.write_text(
            "".join(f"{n}={v}\n" for n, v in {**urls, "REDIS_URL": redis_url}.items())
        )

        result = platform.call("migrate", "--store", "external", "--env-file", str(env_file))
        assert result.stdout.endswith("All databases are up to date.\n"), result.stderr
        platform.up("--store", "external", "--env-file", str(env_file))
        eventually(lambda: platform.health() == "healthy")
        assert not {"postgres", "valkey"} & set(platform.pids())
        assert platform.call("down").returncode == 0
