"""What was measured, and what may be said about it: calm runs, pairs by round, verdicts."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

# A run is calm where the upstream's CPU for a request stays below this multiple of its best ...
CALM = 1.2
# ... and other processes kept no more of the machine busy, in cores.
OTHERS = 0.2
# Where the calm runs of a gateway still differ by more than this, a median proves nothing.
SPREAD = 1.3
ENOUGH = 3
MET, NOT_MET, NOISY, MISSING = "met", "NOT MET", "too noisy", "not measured"


class RunVoid(Exception):
    """A run that must not be counted; the message says why."""


@dataclass(frozen=True)
class Load:
    """What wrk reports; times in milliseconds."""

    requests: int
    seconds: float
    p50: float
    p99: float
    max: float
    errors: int


def parse_wrk(output: str) -> Load:
    """Return the report of report.lua; raises RunVoid where there is none, or with any error."""
    lines = output.strip().splitlines()
    try:
        load = Load(**json.loads(lines[-1]))
    except (IndexError, TypeError, ValueError) as error:
        raise RunVoid(f"wrk: {lines[-1] if lines else 'no output'}") from error
    if load.errors or not load.requests:
        raise RunVoid(f"{load.errors} errors in {load.requests} requests")
    return load


@dataclass(frozen=True)
class Run:
    """One fresh process of one gateway under one load.

    figures: `cpu`, `upstream` (µs a request), `rate` (requests a second), `p50`, `p99` (ms),
    `memory` (MB, PSS); for the scenario `slow` `total` (s), `burst` and `quick` (ms, see
    `slow_calls`); always `others` (cores that were busy with something else).
    """

    scenario: str
    gateway: str
    round: int
    figures: dict[str, float] = field(hash=False)


def calm(runs: Sequence[Run]) -> list[Run]:
    """Return the runs, of one gateway under one load, that the machine's other work left alone."""
    best = min((run.figures["upstream"] for run in runs if "upstream" in run.figures), default=0)
    return [
        run
        for run in runs
        if run.figures.get("upstream", 0) <= CALM * best and run.figures["others"] <= OTHERS
    ]


def steady(values: Sequence[float]) -> bool:
    """Tell whether the values are enough, and near enough to each other, to name their median."""
    return len(values) >= ENOUGH and max(values) <= SPREAD * min(values)


@dataclass
class Results:
    """All runs so far.

    absent: gateway -> why it could not be started; void: a line for each run that does not count.
    """

    runs: list[Run] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)
    void: list[str] = field(default_factory=list)

    def of(self, scenario: str, gateway: str) -> tuple[list[Run], bool]:
        """Return the calm runs of a gateway and True; where they are too few all runs and False."""
        chosen = (scenario, gateway)
        found = [run for run in self.runs if (run.scenario, run.gateway) == chosen]
        quiet = calm(found)
        return (quiet, True) if len(quiet) >= ENOUGH else (found, False)

    def values(self, scenario: str, gateway: str, figure: str) -> list[float]:
        """Return one figure of the runs that count."""
        return [run.figures[figure] for run in self.of(scenario, gateway)[0]]

    def pairs(self, scenario: str, above: str, below: str, figure: str) -> list[float]:
        """Return `above` ÷ `below` for each round in which both count: never across rounds."""
        divisors = {run.round: run.figures[figure] for run in self.of(scenario, below)[0]}
        return [
            run.figures[figure] / divisors[run.round]
            for run in self.of(scenario, above)[0]
            if divisors.get(run.round)
        ]

    def reliable(self, scenario: str, gateway: str) -> bool:
        """Tell whether the gateway's CPU figures need no further round."""
        return self.of(scenario, gateway)[1] and steady(self.values(scenario, gateway, "cpu"))


@dataclass(frozen=True)
class Target:
    """A figure of ours against a limit; with `against`, that gateway's figure ÷ ours."""

    text: str
    scenario: str
    figure: str
    limit: float
    against: str = ""
    at_least: bool = False

    def values(self, results: Results) -> list[float]:
        """Return the figure, or ratio, of each round that counts."""
        if self.against:
            return results.pairs(self.scenario, self.against, "ours", self.figure)
        return results.values(self.scenario, "ours", self.figure)

    def holds(self, value: float) -> bool:
        """Tell whether a value is within the limit."""
        return value >= self.limit if self.at_least else value <= self.limit


TARGETS = (
    Target("1 KB GET: at most 75 µs of CPU", "get", "cpu", 75),
    Target(
        "1 KB GET: at least 12 × less CPU than plain Flask",
        "get",
        "cpu",
        12,
        "flask",
        at_least=True,
    ),
    Target("1 KB GET: less CPU than express", "get", "cpu", 1, "express", at_least=True),
    Target("1 KB GET: p99 no worse than express", "get", "p99", 1, "express", at_least=True),
    Target("1 MB down: at most 700 µs of CPU", "download", "cpu", 700),
    Target("1 MB up: at most 700 µs of CPU", "upload", "cpu", 700),
    Target("64 calls of 1 s: all within 1.2 s", "slow", "total", 1.2),
    Target("64 calls of 1 s: other requests within 10 ms", "slow", "quick", 10),
)


def verdict(target: Target, results: Results) -> str:
    """Judge by the median where the values are steady, else only where all of them agree."""
    values = target.values(results)
    if not values:
        return MISSING
    if not all(results.of(target.scenario, name)[1] for name in {"ours", target.against or "ours"}):
        return NOISY
    if steady(values):
        return MET if target.holds(statistics.median(values)) else NOT_MET
    held = [target.holds(value) for value in values]
    if len(held) < ENOUGH or len(set(held)) > 1:
        return NOISY
    return MET if held[0] else NOT_MET
