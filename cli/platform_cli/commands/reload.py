"""`reload`: the gateway takes a changed route table, without a lost request."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import click
import psutil
import requests

from platform_cli.commands.choices import running_state, var_option
from platform_cli.errors import PlatformError
from platform_cli.folders import ROOT
from platform_cli.supervisor.added import compose_routes
from platform_cli.supervisor.options import Options
from platform_cli.supervisor.state import State
from platform_cli.supervisor.topology import BASE_ROUTES

PATIENCE = 10.0


@click.command()
@var_option
def command(var: Path) -> None:
    """Let the gateway read its route table again.

    It is checked first: a wrong one is refused with the line at fault, and the old one stays.
    """
    state = running_state(var)
    pid = _gateway_pid(state)
    environment = psutil.Process(pid).environ()
    if base := environment.get(BASE_ROUTES):
        added = Options.from_json(state.options).added
        compose_routes(Path(base), added, Path(environment["GATEWAY_ROUTES"]))
    digest = _check(environment)
    os.kill(pid, signal.SIGHUP)
    deadline = time.monotonic() + PATIENCE
    while _digest_in_use(state.gateway) != digest:
        if time.monotonic() > deadline:
            raise PlatformError(
                "the gateway does not use the new routes yet: ./platform logs gateway"
            )
        time.sleep(0.05)
    click.echo(f"the gateway uses the routes {digest}")


def _gateway_pid(state: State) -> int:
    for row in state.processes:
        if row.name == "gateway" and row.phase == "ready" and row.pid:
            return row.pid
    raise PlatformError("the gateway is not ready: ./platform status")


def _check(environment: Mapping[str, str]) -> str:
    """Return the digest of the table that the gateway would read in its own environment."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "api_gateway", "check"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
    )
    if done.returncode:
        problems = [line.removeprefix("api_gateway: ") for line in done.stderr.splitlines()]
        raise PlatformError("not reloaded, the old routes stay:\n" + "\n".join(problems))
    return done.stdout.strip()


def _digest_in_use(url: str) -> str:
    try:
        answer = requests.get(f"{url}/health/ready", timeout=2.0)
        return str(answer.json().get("routes"))
    except (requests.RequestException, ValueError):
        return ""
