"""`init`: secrets for `docker compose up`."""

from pathlib import Path

import click

from platform_cli.containers.env import FOLDER, complete
from platform_cli.containers.secret_files import write_all
from platform_cli.folders import ROOT


@click.command()
@click.option(
    "--file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=ROOT / ".env",
    show_default=".env beside docker-compose.yml",
    help="Where to write.",
)
def command(file: Path) -> None:
    """Write generated secrets for docker-compose.yml; what is there already stays as it is.

    The secrets go to .env, and from there, one file each, to the folder that SECRETS_FOLDER of .env
    names: run it again after a change of .env, or after an update that needs more of them.
    """
    before = file.exists()
    values = complete(file)
    folder = file.parent / values[FOLDER]
    write_all(folder, values)
    click.echo(f"{'completed' if before else 'wrote'} {file} and {folder}; now: docker compose up")
