"""`down`: stop everything, or one service."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import click

from platform_cli.commands.choices import matching, running_state, var_option
from platform_cli.errors import PlatformError
from platform_cli.supervisor.state import StateFolder

# Longer than all stages take when each uses up its own time.
PATIENCE = 150.0


@click.command()
@click.argument("service", required=False)
@var_option
def command(service: str | None, var: Path) -> None:
    """Stop everything, or SERVICE.

    The gateway first, the stores last. A service or process that was stopped alone comes back with
    `restart`.
    """
    if service:
        stop_service(service, var)
    else:
        stop_platform(var)


def stop_service(service: str, var: Path) -> None:
    """Stop a process or all of a service, and keep it stopped."""
    running = [row.name for row in running_state(var).processes if row.pid]
    names = matching(service, running)
    StateFolder(var / "run").ask_stop(names)
    deadline = time.monotonic() + PATIENCE
    while left := [r.name for r in running_state(var).processes if r.name in names and r.pid]:
        if time.monotonic() > deadline:
            raise PlatformError(f"still stopping: {', '.join(left)}")
        time.sleep(0.1)
    click.echo(f"Stopped {', '.join(names)}; ./platform restart {service} starts it again.")


def stop_platform(var: Path) -> None:
    """Stop everything, and clear away what an earlier supervisor left behind."""
    from platform_cli.supervisor import leftovers

    states = StateFolder(var / "run")
    pid = states.alive()
    if pid is None:
        leftovers.clear(states.read())
        click.echo("The platform is not running.")
        return
    began = time.monotonic()
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    while states.alive() == pid:
        if time.monotonic() - began > PATIENCE:
            raise PlatformError(f"the supervisor (pid {pid}) is still stopping; see its log")
        time.sleep(0.05)
    click.echo(f"Stopped in {time.monotonic() - began:.1f} s.")
