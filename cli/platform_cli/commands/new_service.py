"""`new-service`: a service in the house's shape, wired into the platform."""

import sys

import click

from platform_cli.folders import ROOT


@click.command()
@click.argument("name")
@click.option(
    "--resource",
    metavar="ONE:FIELD=TYPE,...",
    help="What it holds, such as review:rating=int,text=str; types are str, int, bool, date,"
    " datetime and uuid. Default: the singular of NAME, with a name.",
)
@click.option("--port", type=int, help="Its port where the gateway has 5000. Default: the next.")
@click.option("--dry-run", is_flag=True, help="Show what would change as a diff, change nothing.")
def command(name: str, resource: str | None, port: int | None, dry_run: bool) -> None:
    """Make the service NAME, a plural such as reviews.

    With model, schemas, use cases, routes, an event told and one listened to, migrations, tests
    and README, and its place in the gateway's table, compose, Kubernetes and the documents.
    """
    from platform_cli.scaffold.plan import plan_new

    changes = plan_new(ROOT, name, resource, port)
    if dry_run:
        sys.stdout.writelines(changes.diff())
        return
    summary = changes.summary()
    changes.apply()
    click.echo("\n".join(summary))
    click.echo(
        f"\nNext: ./platform test {changes.folder}, then ./platform up; /docs shows its routes.\n"
        "For containers ./platform init makes its secrets.\n"
        f"./platform remove-service {name} takes it out again."
    )
