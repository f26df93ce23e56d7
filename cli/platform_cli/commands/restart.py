"""`restart SERVICE`: a graceful stop and a new start of some processes."""

import time
from pathlib import Path

import click

from platform_cli.commands.choices import matching, running_state, var_option
from platform_cli.errors import PlatformError
from platform_cli.supervisor.state import StateFolder

PATIENCE = 90.0


@click.command()
@click.argument("service")
@var_option
def command(service: str, var: Path) -> None:
    """Restart a service or one process.

    SERVICE is "orders" for all of a service, or a process: "orders-web", "postgres".
    """
    state = running_state(var)
    restartable = {row.name: row.pid for row in state.processes if row.phase != "done"}
    names = matching(service, list(restartable))
    StateFolder(var / "run").ask_restart(names)
    deadline = time.monotonic() + PATIENCE
    waiting = set(names)
    while waiting:
        if time.monotonic() > deadline:
            raise PlatformError(f"not ready again: {', '.join(sorted(waiting))}")
        time.sleep(0.1)
        for row in running_state(var).processes:
            if row.name in waiting and row.phase == "ready" and row.pid != restartable[row.name]:
                waiting.remove(row.name)
                click.echo(f"{row.name} is ready again (pid {row.pid})")
