"""`status`: what runs, where, how it is and what it needs."""

import json
import time
from dataclasses import asdict
from pathlib import Path

import click

from platform_cli.commands.choices import running_state, var_option
from platform_cli.errors import PlatformError
from platform_cli.folders import check_space
from platform_cli.supervisor.state import State


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@var_option
def command(as_json: bool, var: Path) -> None:
    """Show every process and its health.

    MEMORY is PSS: shared pages count by share; the children of a process are included.
    """
    state = running_state(var)
    memory = {row.name: memory_of(row.pid) for row in state.processes if row.pid}
    if as_json:
        rows = [{**asdict(row), "memory": memory.get(row.name, 0)} for row in state.processes]
        click.echo(json.dumps({**asdict(state), "processes": rows}, indent=2))
    else:
        print_table(state, memory, var)


def print_table(state: State, memory: dict[str, int], var: Path) -> None:
    """Print the table and what is wrong; memory: bytes by process."""
    from rich.console import Console
    from rich.table import Table

    from platform_cli.display import STYLES

    total = f"{sum(memory.values()) / 2**20:.0f} MB"
    table = Table(box=None, pad_edge=False, show_footer=True, header_style="bold")
    table.add_column("PROCESS", f"platform: {state.phase}", no_wrap=True)
    for title in ("PID", "PORT"):
        table.add_column(title, justify="right")
    table.add_column("HEALTH", no_wrap=True)
    for title in ("UPTIME", "RESTARTS"):
        table.add_column(title, justify="right")
    table.add_column("MEMORY", total, justify="right", no_wrap=True)
    for row in state.processes:
        table.add_row(
            row.name,
            str(row.pid or "-"),
            str(row.port or "-"),
            f"[{STYLES.get(row.phase, '')}]{row.phase}[/]",
            uptime(time.time() - row.started_at) if row.pid else "-",
            str(row.restarts or "-"),
            f"{memory[row.name] / 2**20:.0f} MB" if row.name in memory else "-",
        )
    Console().print(table)
    for row in state.processes:
        if row.error and row.phase not in ("ready", "done"):
            click.echo(f"{row.name} {row.error}")
    try:
        check_space(var, needed=16)
    except PlatformError as error:
        click.echo(str(error))


def memory_of(pid: int) -> int:
    """Return the bytes of a process and all below it; shared pages count by share (PSS)."""
    import psutil

    total = 0
    try:
        root = psutil.Process(pid)
        family = [root, *root.children(recursive=True)]
    except psutil.Error:
        return 0
    for process in family:
        try:
            full = process.memory_full_info()
            total += getattr(full, "pss", full.uss)
        except psutil.Error:
            continue
    return total


def uptime(seconds: float) -> str:
    """Return "3 d 4 h", "4 h 5 min", "5 min 6 s" or "6 s"."""
    left = int(seconds)
    parts: list[str] = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])
