"""`up`: start everything."""

import time
from dataclasses import replace
from pathlib import Path

import click

from platform_cli import credentials
from platform_cli.banner import banner
from platform_cli.commands.choices import var_option
from platform_cli.display import Display
from platform_cli.supervisor.options import DEFAULT_PORT, Options, parse_scale
from platform_cli.supervisor.state import State


@click.command()
@click.option("--detach", "-d", is_flag=True, help="Return when all is ready; end with `down`.")
@click.option("--scale", multiple=True, metavar="SERVICE=N", help="Webs and workers of a service.")
@click.option(
    "--with",
    "extra",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, resolve_path=True),
    metavar="FOLDER",
    help="A service beside the platform's own, described in its platform.toml; may be repeated.",
)
@click.option("--env-file", metavar="FILE", help="NAME=value lines for all services.")
@click.option("--store", type=click.Choice(["embedded", "external"]), default="embedded")
@click.option(
    "--broker",
    type=click.Choice(["redis", "rabbitmq"]),
    help="Default: what BROKER_URL names, else Redis Streams on the embedded Valkey.",
)
@click.option(
    "--port",
    type=click.IntRange(1, 65535 - 199),
    default=DEFAULT_PORT,
    envvar="PLATFORM_PORT_BASE",
    show_default=True,
    help="The gateway's; services from +1 on, the health of their workers 100 above each.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Where the gateway listens.")
@var_option
def command(
    detach: bool,
    scale: tuple[str, ...],
    extra: tuple[str, ...],
    env_file: str | None,
    store: str,
    broker: str | None,
    port: int,
    host: str,
    var: Path,
) -> None:
    """Start everything and keep it running.

    Stores, migrations, services, gateway; a process that dies is started again.
    """
    options = Options(
        var=var,
        port=port,
        host=host,
        store=store,
        broker=broker or "redis",
        env_file=str(Path(env_file).resolve()) if env_file else None,
        extra=extra,
    )
    options = replace(options, scale=parse_scale(scale, options.services))
    start(options, named_broker=broker is not None, detached=detach)


def start(options: Options, *, named_broker: bool, detached: bool) -> None:
    """Start the platform and show it; in the foreground return when it was stopped."""
    from platform_cli.supervisor.start import detach, run

    environment = options.environment()
    if not named_broker and environment.get("BROKER_URL"):
        options = replace(options, broker=environment["BROKER_URL"])
    began, announced = time.monotonic(), False

    def watch(state: State) -> None:
        nonlocal announced
        display(state)
        if state.phase == "ready" and not announced:
            announced = True
            display.freeze()
            click.echo(f"ready in {time.monotonic() - began:.1f} s")
            secrets = credentials.load_or_create(options.folders.secrets)
            click.echo(banner(state, secrets, environment))
            click.echo("./platform down ends it." if detached else "Ctrl-C ends it.")

    with Display() as display:
        if detached:
            detach(options, watch)
        else:
            run(options, watch)
