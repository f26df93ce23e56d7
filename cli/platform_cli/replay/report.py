"""What a replay tells at its end."""

from collections import Counter

from rich.console import Console
from rich.table import Table

from platform_cli.audit import Check
from platform_cli.replay.plan import Plan
from platform_cli.replay.runner import FAILED, STUCK, Outcome
from platform_cli.shop_client import Traffic


def percentile(values: list[float], share: float) -> float:
    """Return the value below which `share` (0 to 1) of the sorted values lie; nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def print_report(
    console: Console,
    plan: Plan,
    outcomes: list[Outcome],
    traffic: Traffic,
    checks: list[Check],
    seconds: float,
) -> bool:
    """Print the report; returns whether every invoice ended and every invariant holds."""
    states: Counter[tuple[str, ...]] = Counter((one.state, one.reason) for one in outcomes)
    console.print(_counted("Invoices by final state", ("state", "why"), states))
    left_out = _keyed(plan.unusable)
    console.print(_counted(f"Lines not used, of {plan.lines}", ("reason",), left_out))
    console.print(_counted("Requests by status", ("status",), _keyed(traffic.statuses)))
    console.print(_latencies(traffic))
    ended = [outcome for outcome in outcomes if outcome.order_id]
    times = [outcome.seconds for outcome in ended]
    console.print(
        f"{len(ended)} orders in {seconds:.1f} s: {len(ended) / max(seconds, 0.001):.1f} orders/s; "
        f"placed to paid: p50 {percentile(times, 0.5):.2f} s, p99 {percentile(times, 0.99):.2f} s"
    )
    console.print(_invariants(checks))
    bad = [outcome for outcome in outcomes if outcome.state in (FAILED, STUCK)]
    for outcome in bad[:10]:
        console.print(f"[red]{outcome.invoice}: {outcome.state}: {outcome.reason}[/red]")
    return not bad and len(outcomes) == len(plan.invoices) and all(check.ok for check in checks)


def _keyed(counts: Counter[str]) -> Counter[tuple[str, ...]]:
    return Counter({(name,): count for name, count in counts.items()})


def _counted(title: str, names: tuple[str, ...], counts: Counter[tuple[str, ...]]) -> Table:
    table = Table(title=title, title_justify="left")
    for name in names:
        table.add_column(name)
    table.add_column("count", justify="right")
    for key, count in sorted(counts.items(), key=lambda item: -item[1]):
        table.add_row(*key, str(count))
    return table


def _latencies(traffic: Traffic) -> Table:
    table = Table(title="Latency, ms", title_justify="left")
    table.add_column("request")
    for name in ("count", "p50", "p90", "p99", "max"):
        table.add_column(name, justify="right")
    everything = [value for values in traffic.seconds.values() for value in values]
    for kind, values in [*sorted(traffic.seconds.items()), ("all", everything)]:
        figures = [percentile(values, share) * 1000 for share in (0.5, 0.9, 0.99, 1.0)]
        table.add_row(kind, str(len(values)), *(f"{figure:.0f}" for figure in figures))
    return table


def _invariants(checks: list[Check]) -> Table:
    table = Table(title="Invariants", title_justify="left")
    for name in ("", "invariant", "figures"):
        table.add_column(name, overflow="fold")
    for check in checks:
        mark = "[green]holds[/green]" if check.ok else "[red]BROKEN[/red]"
        table.add_row(mark, check.name, check.detail)
    return table
