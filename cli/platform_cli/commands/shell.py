"""`shell`: a Python prompt inside the running platform."""

import code
from contextlib import suppress
from pathlib import Path

import click

from platform_cli.commands.choices import running_state, var_option
from platform_cli.manifest import own_names

BANNER = """\
{services}
                                   each with .app, .db, .models
gateway                            an HTTP client: gateway.get("/api/products").json()
login()                            sign that client in as the first administrator

with orders.app.app_context(): orders.db.session.execute(...)
"""


@click.command()
@var_option
def command(var: Path) -> None:
    """Open a Python prompt in the platform.

    With the services' apps and models on their running databases.
    """
    from platform_cli.console import namespace
    from platform_cli.supervisor.options import Options

    state = running_state(var)
    with suppress(ImportError):
        import readline  # noqa: F401 - Importing it gives the prompt its line editing.
    code.interact(
        banner=BANNER.format(services=", ".join(own_names())),
        local=namespace(Options.from_json(state.options)),
        exitmsg="",
    )
