"""`migrate`: bring every database and the broker's queues up to date."""

from pathlib import Path

import click

from platform_cli.commands.choices import var_option
from platform_cli.display import Display
from platform_cli.errors import PlatformError
from platform_cli.supervisor.options import Options
from platform_cli.supervisor.state import State, StateFolder


@click.command()
@click.option("--env-file", metavar="FILE", help="NAME=value lines for all services.")
@click.option("--store", type=click.Choice(["embedded", "external"]), default="embedded")
@var_option
def command(env_file: str | None, store: str, var: Path) -> None:
    """Bring every database up to date.

    On the platform that runs, else on stores started for it and stopped again.
    """
    from platform_cli.supervisor.start import run

    states = StateFolder(var / "run")
    state = states.read()
    if states.alive() and state:
        migrate_running(state)
        return
    options = Options(
        var=var, store=store, env_file=str(Path(env_file).resolve()) if env_file else None
    )
    with Display() as display:
        run(options, display, only_migrate=True)
    click.echo("All databases are up to date.")


def migrate_running(state: State) -> None:
    """Run each service's migration beside the running platform; replicas may do so any time."""
    from platform_cli import child
    from platform_cli.supervisor.process import Stage
    from platform_cli.supervisor.start import plan

    options = Options.from_json(state.options)
    for row in plan(options, running=True).processes:
        if row.stage is not Stage.MIGRATION:
            continue
        result = child.run(row.command(), timeout=300.0)
        if result.returncode != 0:
            reason = (result.stdout.strip().splitlines() or ["no output"])[-1]
            raise PlatformError(f"{row.name} failed: {reason}")
        click.echo(f"{row.name} done")
