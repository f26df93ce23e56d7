"""The tables, for a terminal or as Markdown."""

import os
import platform
import re
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from platform_cli.bench.figures import TARGETS, Results, verdict
from platform_cli.bench.peers import Peer
from platform_cli.bench.rounds import LOADS, Plan

TITLES = {
    "get": "1 KB GET, {connections} connections",
    "download": "1 MB GET, 8 connections",
    "upload": "1 MB POST, 8 connections",
    "slow": "64 upstream calls of 1 s at once",
}
NOTE = (
    "Only this gateway checks tokens, limits rates, logs, counts and names requests; the others "
    "are bare proxies. CPU: user + system of all processes of the gateway; median (least-most) of "
    "the rounds; ~: too noisy to judge. Ratios: CPU of that peer ÷ CPU of the row, by round."
)


@dataclass(frozen=True)
class Sheet:
    """One table."""

    title: str
    head: tuple[str, ...]
    rows: list[tuple[str, ...]]


def sheets(plan: Plan, results: Results) -> list[Sheet]:
    """Return a table for each load that was planned, and the targets."""
    found = []
    for scenario in plan.scenarios:
        peers = [peer for peer in plan.peers if scenario in peer.scenarios]
        for name in LOADS[scenario]:
            title = TITLES[name].format(connections=plan.connections)
            found.append(
                _slow_sheet(title, peers, results)
                if name == "slow"
                else _load_sheet(name, title, peers, results)
            )
    return [*found, _targets_sheet(plan, results)]


def _load_sheet(name: str, title: str, peers: Sequence[Peer], results: Results) -> Sheet:
    baselines = [peer for peer in peers if peer.name in ("flask", "express")]
    head = (
        *("gateway", "CPU µs"),
        *(f"÷ {peer.name}" for peer in baselines),
        *("req/s", "p50 ms", "p99 ms", "PSS MB"),
    )
    rows = []
    for peer in peers:
        cpu = results.values(name, peer.name, "cpu")
        if not cpu:
            rows.append(_absent(peer, results, len(head)))
            continue
        mark = "" if results.reliable(name, peer.name) else "~ "
        ratios = (_ratio(results.pairs(name, base.name, peer.name, "cpu")) for base in baselines)
        others = (
            (figure, digits)
            for figure, digits in (("rate", 0), ("p50", 1), ("p99", 1), ("memory", 0))
        )
        rows.append(
            (
                peer.title,
                mark + _range(cpu, 0),
                *ratios,
                *(
                    f"{statistics.median(results.values(name, peer.name, figure)):,.{digits}f}"
                    for figure, digits in others
                ),
            )
        )
    return Sheet(title, head, rows)


def _slow_sheet(title: str, peers: Sequence[Peer], results: Results) -> Sheet:
    head = ("gateway", "all answered after s", "one sent with them ms", "slowest later one ms")
    figures = (("total", 2), ("burst", 1), ("quick", 1))
    rows = []
    for peer in peers:
        found = [(results.values("slow", peer.name, name), digits) for name, digits in figures]
        if found[0][0]:
            rows.append((peer.title, *(_range(values, digits) for values, digits in found)))
        else:
            rows.append(_absent(peer, results, len(head)))
    return Sheet(title, head, rows)


def _targets_sheet(plan: Plan, results: Results) -> Sheet:
    planned = {name for scenario in plan.scenarios for name in LOADS[scenario]}
    rows: list[tuple[str, ...]] = []
    for target in TARGETS:
        if target.scenario in planned:
            values = target.values(results)
            shown = _range(values, 1 if target.limit >= 10 else 2) if values else "-"
            rows.append((target.text, shown, verdict(target, results)))
    return Sheet("Targets", ("target", "measured", "verdict"), rows)


def _absent(peer: Peer, results: Results, width: int) -> tuple[str, ...]:
    return (peer.title, results.absent.get(peer.name, "no run that counts"), *[""] * (width - 2))


def _range(values: Sequence[float], digits: int) -> str:
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


def _ratio(pairs: Sequence[float]) -> str:
    return f"{statistics.median(pairs):.2f}" if pairs else "-"


def as_markdown(found: Sequence[Sheet]) -> str:
    """Return the tables as they can be pasted into a README."""
    parts = []
    for sheet in found:
        rule = ["---", *["---:"] * (len(sheet.head) - 1)]
        lines = ["| " + " | ".join(row) + " |" for row in (sheet.head, rule, *sheet.rows)]
        parts.append("\n".join([f"**{sheet.title}**", "", *lines]))
    return "\n\n".join(parts)


def print_tables(console: Console, found: Sequence[Sheet]) -> None:
    """Print the tables on a terminal."""
    styles = {"met": "green", "NOT MET": "bold red", "too noisy": "yellow"}
    for sheet in found:
        table = Table(title=sheet.title, title_justify="left")
        for number, name in enumerate(sheet.head):
            table.add_column(name, justify="right" if number else "left", overflow="fold")
        for row in sheet.rows:
            cells = [cell.replace("**", "") for cell in row]
            table.add_row(*cells, style="bold" if "**" in row[0] else styles.get(row[-1], ""))
        console.print(table)


def conditions(plan: Plan) -> str:
    """Return when, where and with what was measured."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = [
        f"{name} {version}"
        for name, option in (("nginx", "-v"), ("haproxy", "-v"), ("node", "-v"), ("wrk", "-v"))
        if (version := _version(name, option))
    ]
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {memory:.0f} GB, "
        f"Python {platform.python_version()}, {', '.join(versions)}; {plan.rounds} rounds of "
        f"{plan.seconds} s, processes of each gateway: {plan.workers}"
    )


def _version(program: str, option: str) -> str:
    try:
        ended = subprocess.run([program, option], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    found = re.search(r"\d+\.\d+\.\d+", ended.stdout + ended.stderr)
    return found.group() if found else ""
