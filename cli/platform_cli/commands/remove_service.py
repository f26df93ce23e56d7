"""`remove-service`: takes out what `new-service` made."""

import sys

import click

from platform_cli.folders import ROOT


@click.command()
@click.argument("name")
@click.option("--force", is_flag=True, help="Also where files were changed since; they are lost.")
@click.option("--dry-run", is_flag=True, help="Show what would change as a diff, change nothing.")
def command(name: str, force: bool, dry_run: bool) -> None:
    """Take the service NAME out again, folder and wiring; its database in var/ stays.

    Refused where something of it was changed since `new-service`.
    """
    from platform_cli.scaffold.plan import plan_removal

    changes = plan_removal(ROOT, name, force=force)
    if dry_run:
        sys.stdout.writelines(changes.diff())
        return
    summary = changes.summary()
    changes.apply()
    click.echo("\n".join(summary))
