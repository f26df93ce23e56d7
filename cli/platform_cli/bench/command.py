"""`./platform bench gateway`."""

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

import click

from platform_cli.bench.figures import NOT_MET
from platform_cli.bench.install import missing_programs
from platform_cli.bench.peers import PEERS, SCENARIOS, Peer
from platform_cli.bench.rounds import Plan, measure
from platform_cli.errors import PlatformError
from platform_cli.folders import DEFAULT_VAR


@click.group("bench")
def command() -> None:
    """Measure the platform against others, on this machine."""


def _chosen(ctx: click.Context, option: click.Parameter, names: str) -> tuple[Peer, ...]:
    wanted = {name.strip() for name in names.split(",") if name.strip()}
    unknown = wanted - {peer.name for peer in PEERS}
    if unknown:
        known = ", ".join(peer.name for peer in PEERS)
        raise click.BadParameter(f"unknown: {', '.join(sorted(unknown))}; there are {known}")
    return tuple(peer for peer in PEERS if not wanted or peer.name in wanted)


@command.command("gateway")
@click.option("--rounds", type=click.IntRange(1), default=4, show_default=True)
@click.option(
    "--seconds", type=click.IntRange(1), default=4, show_default=True, help="Of load in a run."
)
@click.option("--only", "peers", default="", callback=_chosen, help="Names, separated by commas.")
@click.option("--scenario", type=click.Choice([*SCENARIOS, "all"]), default="all")
@click.option("--connections", type=click.IntRange(1), default=32, show_default=True)
@click.option(
    "--workers", type=click.IntRange(1), default=1, show_default=True, help="Of each gateway."
)
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write every run to it.")
@click.option("--markdown", is_flag=True, help="Tables to paste into a README.")
def gateway(
    peers: tuple[Peer, ...], scenario: str, json_file: Path | None, markdown: bool, **numbers: int
) -> None:
    """Compare the gateway with others: CPU of a request, latency, memory.

    Builds the others itself, needs wrk and nginx. Exit status 1 when a target is not met. What is
    measured and how: benchmarks/gateway/README.md.
    """
    absent = missing_programs("wrk", "nginx")
    if absent:
        raise PlatformError(f"the benchmark needs: apt-get install {' '.join(absent)}")
    scenarios = SCENARIOS if scenario == "all" else (scenario,)
    plan = Plan(peers=peers, scenarios=scenarios, cache=DEFAULT_VAR / "bench", **numbers)
    sys.exit(1 if _report(plan, json_file, markdown) else 0)


def _report(plan: Plan, json_file: Path | None, markdown: bool) -> bool:
    """Measure and print; returns whether a target is not met."""
    from rich.console import Console

    from platform_cli.bench.report import NOTE, as_markdown, conditions, print_tables, sheets

    began = time.monotonic()
    results = measure(
        plan, lambda line: click.echo(f"{time.monotonic() - began:5.0f} s  {line}", err=True)
    )
    if json_file:
        json_file.write_text(json.dumps(asdict(results), indent=1))
    found = sheets(plan, results)
    if results.void:
        click.echo("Runs that do not count:\n  " + "\n  ".join(results.void), err=True)
    if markdown:
        click.echo(f"{conditions(plan)}.\n\n{as_markdown(found)}\n\n{NOTE}")
    else:
        console = Console()
        print_tables(console if console.is_terminal else Console(width=120), found)
        click.echo(f"{NOTE}\n{conditions(plan)}; took {time.monotonic() - began:.0f} s")
    return any(row[-1] == NOT_MET for row in found[-1].rows)
