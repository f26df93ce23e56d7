"""`shell`: a Python prompt inside the running platform."""

import signal
import sys
from pathlib import Path

import click

from platform_cli.commands.choices import running_state, var_option


@click.command()
@click.option("-c", "source", metavar="CODE", help="Run this instead of a prompt.")
@var_option
def command(source: str | None, var: Path) -> None:
    """Open a Python prompt in the platform.

    With calls to the services' tasks, their models and clients, and the events on the bus.
    """
    from chassis.exceptions import ServiceError
    from platform_cli.shell.namespace import BANNER, opened
    from platform_cli.shell.prompt import Prompt, line_editing, run_code, told
    from platform_cli.supervisor.options import Options

    options = Options.from_json(running_state(var).options)
    # Whoever starts it in the background may have it ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with opened(options) as names:
        if source is not None:
            try:
                run_code(source, names)
            except ServiceError as error:
                sys.exit(told(error))
            return
        with line_editing(names, options.folders.run / "shell_history"):
            banner = BANNER.format(services=", ".join(options.services))
            Prompt(names, {"events": names["events"]}).interact(banner=banner, exitmsg="")
