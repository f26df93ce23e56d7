"""`down`: stop everything."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import click

from platform_cli.commands.choices import var_option
from platform_cli.errors import PlatformError
from platform_cli.supervisor.state import StateFolder

# Longer than all stages take when each uses up its own time.
PATIENCE = 150.0


@click.command()
@var_option
def command(var: Path) -> None:
    """Stop everything.

    The gateway first, the stores last.
    """
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
