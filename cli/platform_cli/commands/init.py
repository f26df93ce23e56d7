"""`init`: secrets for `docker compose up`."""

import os
import secrets
from pathlib import Path

import click

from platform_cli.credentials import NAMES
from platform_cli.errors import PlatformError
from platform_cli.folders import ROOT

# The superuser of the one server in which the embedded platform keeps all databases.
EMBEDDED_ONLY = "POSTGRES_PASSWORD"


@click.command()
@click.option(
    "--file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=ROOT / ".env",
    show_default=".env beside docker-compose.yml",
    help="Where to write.",
)
def command(file: Path) -> None:
    """Write generated secrets for docker-compose.yml; an existing file stays as it is."""
    # Hexadecimal: a secret that begins with dashes would be an option of redis-server.
    lines = ["# Made by ./platform init. Keep it secret, keep it: the data is encrypted with it."]
    lines += [f"{name}={secrets.token_hex(24)}" for name in NAMES if name != EMBEDDED_ONLY]
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise PlatformError(f"{file} is there already; remove it to make new secrets") from error
    with os.fdopen(descriptor, "w") as stream:
        stream.write("\n".join(lines) + "\n")
    click.echo(f"wrote {file}; now: docker compose up")
