"""`reset`: forget everything."""

import shutil
from pathlib import Path

import click

from platform_cli.commands.choices import var_option
from platform_cli.errors import PlatformError
from platform_cli.folders import Var
from platform_cli.supervisor.state import StateFolder


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@var_option
def command(yes: bool, var: Path) -> None:
    """Delete all data, logs and secrets.

    Asks first; only what the platform wrote below --var is deleted.
    """
    folders = Var(var)
    if pid := StateFolder(folders.run).alive():
        raise PlatformError(f"the platform is running (pid {pid}); ./platform down comes first")
    if not yes:
        click.confirm(f"Delete all data, logs and secrets in {var}?", abort=True)
    # Named one by one: --var may point to a folder that holds something else, too.
    for folder in (folders.data, folders.logs, folders.run):
        shutil.rmtree(folder, ignore_errors=True)
        if folder.exists():
            raise PlatformError(f"cannot delete {folder}; some files belong to another user")
    for file in (folders.secrets, folders.ports):
        file.unlink(missing_ok=True)
    click.echo("Everything is deleted; ./platform up starts anew.")
