"""`backup`: all databases and secrets into one file."""

import time
from pathlib import Path

import click

from platform_cli import credentials
from platform_cli.commands.choices import var_option
from platform_cli.errors import PlatformError
from platform_cli.folders import Var
from platform_cli.supervisor.state import StateFolder


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path, resolve_path=True))
@var_option
def command(file: Path, var: Path) -> None:
    """Write all databases and secrets into FILE, as they are at one moment.

    The platform may run and goes on. FILE holds secrets: keep it where only you can read it.
    """
    from platform_cli.stores.backups import write_backup
    from platform_cli.stores.launch import started
    from platform_cli.stores.postgres import Postgres
    from platform_cli.supervisor.stores import remembered_ports

    folders, states = Var(var), StateFolder(var / "run")
    folder = folders.data / "postgres"
    state = states.read()
    running = states.alive() is not None
    if running and state and state.options.get("store") == "external":
        raise PlatformError("the databases are not the platform's own; back up their server")
    if not (folder / "data").exists():
        raise PlatformError(f"there is no data in {folder}")
    if not file.parent.is_dir():
        raise PlatformError(f"there is no folder {file.parent}")
    began = time.monotonic()
    port = remembered_ports(folders, ("postgres",), keep=running)["postgres"]
    password = credentials.load_or_create(folders.secrets)["POSTGRES_PASSWORD"]
    server = Postgres(folder, port, password)
    if running:
        write_backup(server, folders.secrets, file)
    else:
        server.prepare()
        log = folders.log("postgres")
        with states.held(), started(server.command(), server.ready, log):
            write_backup(server, folders.secrets, file)
    size = file.stat().st_size / 2**20
    click.echo(f"{file}: {size:.1f} MB in {time.monotonic() - began:.1f} s")
