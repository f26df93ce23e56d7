"""docker-compose.yml as it is written, and the stack of it that .ci/run has started."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
import yaml

from platform_cli.env_file import read_env_file
from platform_cli.shop_client import ShopClient

REPOSITORY = Path(__file__).resolve().parents[2]


class Stack:
    """The containers of the project, by Docker's own command line. secrets: values of `.env`."""

    def __init__(self, env_file: Path) -> None:
        self.secrets = read_env_file(env_file)
        self.client = ShopClient("http://127.0.0.1:5000")

    def compose(self, *arguments: str) -> str:
        """Run `docker compose` and return its output; fails when it does."""
        done = self.try_compose(*arguments)
        assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
        return done.stdout

    def try_compose(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `docker compose`."""
        return _run("docker", "compose", *arguments)

    def docker(self, *arguments: str) -> str:
        """Run `docker` and return its output; fails when it does."""
        done = _run("docker", *arguments)
        assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
        return done.stdout

    def python(self, service: str, code: str) -> subprocess.CompletedProcess[str]:
        """Run Python in a container of a service."""
        return self.try_compose("exec", "-T", service, "python", "-c", code)

    def containers(self, service: str) -> list[str]:
        """Return the ids of the running containers of a service."""
        return self.compose("ps", "--quiet", service).split()

    def scale(self, service: str, number: int) -> None:
        """Have `number` containers of a service."""
        up = ("up", "--detach", "--no-build", "--no-recreate", "--no-deps")
        self.compose(*up, "--scale", f"{service}={number}", service)

    def prometheus(self, query: str) -> list[dict[str, Any]]:
        """Return the series that a query finds now."""
        url = f"http://127.0.0.1:9090/api/v1/query?{urlencode({'query': query})}"
        said = self.compose("exec", "-T", "prometheus", "wget", "-q", "-O", "-", url)
        found: list[dict[str, Any]] = json.loads(said)["data"]["result"]
        return found

    def health(self) -> dict[str, Any]:
        """Return what the gateway knows of every instance, whatever its verdict is."""
        answer = requests.get(f"{self.client.base_url}/health", timeout=10)
        found: dict[str, Any] = answer.json()["data"]
        return found


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=110)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def packages() -> list[str]:
    """The importable packages of all services that stand on the chassis."""
    return sorted(path.parent.name for path in REPOSITORY.glob("*-service/*_service/__init__.py"))


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The stack that runs now."""
    env_file = os.environ.get("RUNNING_STACK_ENV")
    if env_file is None:
        pytest.skip("no stack of containers runs here; .ci/run starts one")
    stack = Stack(Path(env_file))
    yield stack
    stack.client._session().close()


@pytest.fixture(scope="session")
def compose_file() -> dict[str, Any]:
    """docker-compose.yml with its anchors resolved and its variables as they are written."""
    text = (REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found


@pytest.fixture(scope="session")
def inspected(stack: Stack) -> list[dict[str, Any]]:
    """What the engine tells of every running container."""
    found: list[dict[str, Any]] = json.loads(
        stack.docker("inspect", *stack.compose("ps", "--quiet").split())
    )
    return found
