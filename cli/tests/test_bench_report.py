import io
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from rich.console import Console

from platform_cli.bench import install
from platform_cli.bench.command import command
from platform_cli.bench.figures import Results, Run
from platform_cli.bench.peers import FILES, PEERS, SCENARIOS, Place, fill
from platform_cli.bench.report import as_markdown, print_tables, sheets
from platform_cli.bench.rounds import Plan
from platform_cli.errors import PlatformError

FIGURES = {"upstream": 10.0, "others": 0.0, "rate": 12345.6, "p50": 1.24, "p99": 7.0, "memory": 65}


def plan(*scenarios: str) -> Plan:
    chosen = tuple(peer for peer in PEERS if peer.name in ("ours", "express", "haproxy"))
    return Plan(chosen, scenarios, 3, 4, 32, 1, Path("cache"))


def results() -> Results:
    runs = [
        Run("get", name, number, {**FIGURES, "cpu": cpu})
        for name, cpus in (("ours", (70, 72, 74)), ("express", (140, 144, 148)))
        for number, cpu in enumerate(cpus)
    ]
    return Results(runs, absent={"haproxy": "not installed (Debian: haproxy)"})


def test_the_table_shows_medians_ranges_ratios_and_what_is_missing() -> None:
    text = as_markdown(sheets(plan("get"), results()))
    assert text.splitlines()[:7] == [
        "**1 KB GET, 32 connections**",
        "",
        "| gateway | CPU µs | ÷ express | req/s | p50 ms | p99 ms | PSS MB |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| **this gateway**, all policies on | 72 (70-74) | 2.00 | 12,346 | 1.2 | 7.0 | 65 |",
        "| HAProxy | not installed (Debian: haproxy) |  |  |  |  |  |",
        "| express + http-proxy-middleware | 144 (140-148) | 1.00 | 12,346 | 1.2 | 7.0 | 65 |",
    ]


def test_the_targets_of_the_planned_loads_are_judged() -> None:
    rows = sheets(plan("get"), results())[-1].rows
    assert [row[1:] for row in rows] == [
        ("72.0 (70.0-74.0)", "met"),
        ("-", "not measured"),
        ("2.00 (2.00-2.00)", "met"),
        ("1.00 (1.00-1.00)", "met"),
    ]


def test_a_row_that_cannot_be_relied_on_is_marked() -> None:
    few = Results([run for run in results().runs if run.round < 2])
    assert sheets(plan("get"), few)[0].rows[0][1] == "~ 71 (70-72)"


def test_slow_calls_have_a_table_of_their_own() -> None:
    figures = {"total": 1.05, "burst": 9.0, "quick": 4.0, "others": 0.0}
    found = sheets(plan("slow"), Results([Run("slow", "ours", n, figures) for n in range(3)]))
    assert found[0].rows == [
        ("**this gateway**, all policies on", "1.05 (1.05-1.05)", "9.0 (9.0-9.0)", "4.0 (4.0-4.0)"),
        ("express + http-proxy-middleware", "no run that counts", "", ""),
    ]


def test_the_terminal_shows_the_same_cells() -> None:
    console = Console(file=io.StringIO(), width=160)
    print_tables(console, sheets(plan("get"), results()))
    assert "72 (70-74)" in console.file.getvalue()  # type: ignore[attr-defined]


def test_every_gateway_has_its_command_and_its_files(folder: Path) -> None:
    place = Place(folder, folder / "cache", 21001, 21002, "redis://127.0.0.1:1/0", 2)
    for peer in PEERS:
        started = peer.start(place)
        text = " ".join([*started.argv, *started.env.values()])
        text += "".join(path.read_text() for path in folder.glob("peers-*"))
        assert "21001" in text and "21002" in text, peer.name
        assert set(peer.scenarios) <= set(SCENARIOS)
        assert (FILES / "routes.toml").exists()


def test_no_name_stays_unfilled_in_a_configuration(folder: Path) -> None:
    values = {"port": 1, "slow_port": 2, "small": "x"}
    upstream = fill(FILES / "upstream" / "nginx.conf", folder, values)
    assert "@" not in upstream.read_text()


def test_an_unknown_gateway_is_refused_with_the_known_ones() -> None:
    told = CliRunner().invoke(command, ["gateway", "--only", "ours,kong"])
    assert told.exit_code == 2
    assert "unknown: kong; there are ours, nginx" in told.output


def test_without_wrk_the_command_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    context = click.Context(command)
    with context, pytest.raises(PlatformError, match="apt-get install wrk nginx-light"):
        command.main(["gateway"], standalone_mode=False)


def test_a_missing_program_is_named_with_its_package(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert install.prepare("haproxy", folder) == "not installed (Debian: haproxy)"
    assert install.prepare("node", folder) == "not installed (Debian: npm)"
    assert install.prepare("ours", folder) == ""
