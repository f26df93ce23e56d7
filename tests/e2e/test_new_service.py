"""A new service's whole life, in a copy of the checkout: made, tested, run, called, removed."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests

from chassis.messaging.bus import connect_bus
from chassis.messaging.event import Event
from chassis.messaging.tail import tail_events
from platform_cli.folders import ROOT
from platform_cli.running import find_running
from platform_cli.shop_client import ShopClient
from platform_cli.supervisor.options import Options
from platform_cli.supervisor.start import plan

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

CREATED = "review.created.v1"
# What of the fitness tests looks at services: routes, events, migrations, settings, links, images.
FITNESS = (
    "architecture/test_[cdemr]*.py", "compose/test_compose_file.py", "compose/test_init.py",
    "kubernetes/test_services.py",
)  # fmt: skip


@dataclass(frozen=True)
class Copy:
    """A copy of the checkout, which shares our Python packages, and the platform in it."""

    root: Path
    var: Path
    port: int

    def run(self, *command: str) -> str:
        """Run a command in the copy and return its output; fails when it does."""
        folders = ("shared", "cli", "api-gateway", "*-service", "examples/*")
        ours = [str(path) for pattern in folders for path in sorted(self.root.glob(pattern))]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(ours)}
        done = subprocess.run(
            command, cwd=self.root, env=environment, capture_output=True, text=True, timeout=200
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
        return done.stdout

    def platform(self, *arguments: str) -> str:
        """Run `./platform ARGUMENTS`, without its first step, which would make a .venv here."""
        return self.run(sys.executable, "-P", "-m", "platform_cli", *arguments)

    def git_status(self) -> str:
        """Return what git sees as changed or new."""
        return self.run("git", "status", "--porcelain")

    def get(self, path: str) -> Any:
        """Return the JSON that the gateway answers with."""
        return requests.get(f"http://127.0.0.1:{self.port}{path}", timeout=10).json()


@pytest.fixture
def copy(tmp_path: Path, base_port: int) -> Iterator[Copy]:
    """A copy of all files that git knows or would take, committed."""
    root = tmp_path / "checkout"
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, root / name)
    copy = Copy(root, tmp_path / "var", base_port)
    copy.run("git", "init", "--quiet")
    copy.run("git", "add", "--all")
    who = ("-c", "user.name=test", "-c", "user.email=test@example.com")
    copy.run("git", *who, "commit", "--quiet", "--message", "As it was")
    yield copy
    copy.platform("down", "--var", str(copy.var))


def test_a_new_service_is_made_tested_run_called_and_removed(
    copy: Copy, eventually: Callable[..., None]
) -> None:
    copy.platform("new-service", "reviews", "--resource", "review:rating=int,text=str")
    assert "?? reviews-service/\n" in copy.git_status()

    fitness = [str(file) for glob in FITNESS for file in sorted((copy.root / "tests").glob(glob))]
    with ThreadPoolExecutor(1) as beside:
        port, var = str(copy.port), str(copy.var)
        up = beside.submit(copy.platform, "up", "--detach", "--port", port, "--var", var)
        copy.platform("test", "-n0", "-q", "reviews-service", *fitness)
        up.result()
    _assert_it_keeps_the_rules(copy)

    _assert_it_is_seen(copy)
    _assert_it_talks_to_others(copy, eventually)
    copy.platform("down", "--var", str(copy.var))

    copy.platform("remove-service", "reviews")
    assert copy.git_status() == ""
    assert not (copy.root / "reviews-service").exists()


def _assert_it_keeps_the_rules(copy: Copy) -> None:
    """Run the house's checks of style, types and layers."""
    copy.run(sys.executable, "-m", "ruff", "check", "--no-cache", "reviews-service")
    copy.run(sys.executable, "-m", "ruff", "format", "--check", "--no-cache", "reviews-service")
    copy.run(sys.executable, "-m", "mypy", "reviews-service/reviews_service")
    layers = copy.run(str(Path(sys.executable).with_name("lint-imports")), "--no-cache")
    assert "3 kept, 0 broken" in layers


def _assert_it_is_seen(copy: Copy) -> None:
    assert copy.get("/health")["data"]["services"]["reviews"]["status"] == "healthy"
    paths = copy.get("/openapi.json")["paths"]
    assert {"get", "post"} <= set(paths["/api/reviews"])
    assert {"get", "patch", "delete"} <= set(paths["/api/reviews/{review_id}"])
    assert copy.get("/api/reviews")["code"] == "unauthorized"


def _assert_it_talks_to_others(copy: Copy, eventually: Callable[..., None]) -> None:
    """Create a review as a customer, see its event arrive, close the account, see it go."""
    client = ShopClient(f"http://127.0.0.1:{copy.port}")
    running = find_running(copy.var)
    admin = client.login(running.admin_email, running.admin_password)
    account = {"email": f"{uuid4().hex}@example.com", "password": "correct horse battery"}
    user = client.call("POST", "/api/users/register", json={**account, "name": "Mei"}, key="mei")
    token = client.login(account["email"], account["password"])

    def create() -> dict[str, Any]:
        body = {"rating": 5, "text": "Pours well"}
        created: dict[str, Any] = client.call("POST", "/api/reviews", token=token, json=body)
        return created

    review, event = _watch(copy, create)

    assert event.data == {"review_id": review["id"], "owner_id": user["id"]}
    assert client.call("GET", "/api/reviews", token=token) == [review]
    client.call("POST", f"/api/users/{user['id']}/deactivate", token=admin, harmless=True)
    eventually(lambda: client.call("GET", "/api/reviews", token=admin) == [])


def _watch(copy: Copy, act: Callable[[], Any]) -> tuple[Any, Event]:
    """Listen as another service would, act, and return what came of it and the event."""
    environment = plan(Options(var=copy.var, port=copy.port), running=True).environments["users"]
    broker = environment["BROKER_URL"]
    with connect_bus(broker) as bus:
        # An event that nobody wants is not kept.
        bus.declare("ratings", [CREATED])
        with closing(tail_events(broker, [CREATED])) as events:  # type: ignore[type-var]
            assert next(events) is None
            done = act()
            return done, next(event for event in events if event is not None)
