"""`restore`: what `backup` wrote, into an empty folder."""

import shutil
import time
from pathlib import Path

import click

from platform_cli import credentials
from platform_cli.commands.choices import var_option
from platform_cli.errors import PlatformError
from platform_cli.folders import Var
from platform_cli.supervisor.state import StateFolder


@click.command()
@click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, path_type=Path, resolve_path=True)
)
@var_option
def command(file: Path, var: Path) -> None:
    """Bring back the databases and secrets of FILE; ./platform up starts with them.

    Only where there is no data. Events of the six days before the backup are sent again, because
    the broker that held them is gone; who had them drops them.
    """
    from platform_cli.stores.backups import databases_of, read_about, send_again, unpack
    from platform_cli.stores.launch import started
    from platform_cli.stores.postgres import Postgres
    from platform_cli.supervisor.stores import remembered_ports

    folders = Var(var)
    folder = folders.data / "postgres"
    about = read_about(file)
    began = time.monotonic()
    with StateFolder(folders.run).held():
        if (folder / "data").exists():
            raise PlatformError(f"there is data in {folder}; ./platform reset deletes it")
        folders.make()
        port = remembered_ports(folders, ("postgres",))["postgres"]
        unpack(file, folders, Postgres(folder, port, ""))
        # A broker's and a cache's data of another past would not fit.
        for other in ("valkey", "rabbitmq"):
            shutil.rmtree(folders.data / other, ignore_errors=True)
        password = credentials.load_or_create(folders.secrets)["POSTGRES_PASSWORD"]
        server = Postgres(folder, port, password)
        server.prepare()
        with started(server.command(), server.ready, folders.log("postgres")):
            databases = databases_of(server)
            count = send_again(server, databases, about)
    click.echo(
        f"Restored {', '.join(databases)} as of {about.taken_at} in"
        f" {time.monotonic() - began:.1f} s; {count} messages will be sent again."
    )
