"""The measurement itself: rounds of fresh processes in random order."""

import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from platform_cli.bench import accounting, load, upstream
from platform_cli.bench.figures import Results, Run, RunVoid
from platform_cli.bench.install import prepare
from platform_cli.bench.peers import Peer, Place
from platform_cli.ports import free_port
from platform_cli.stores import valkey
from platform_cli.stores.launch import StoreError, started

LOADS = {"get": ("get",), "bodies": ("download", "upload"), "slow": ("slow",)}
_BODY_CONNECTIONS = 8
_EXTRA_ROUNDS = 2


@dataclass(frozen=True)
class Plan:
    """What to measure; seconds: of load in a run, workers: processes of each gateway."""

    peers: tuple[Peer, ...]
    scenarios: tuple[str, ...]
    rounds: int
    seconds: int
    connections: int
    workers: int
    cache: Path


@dataclass
class Bench:
    """A plan with its upstream and store running; tell: takes a line for people."""

    plan: Plan
    place: Place
    upstream: upstream.Upstream
    tell: Callable[[str], None]
    results: Results = field(default_factory=Results)

    def run(self) -> Results:
        """Measure everything; a gateway that fails is left out and named."""
        for kind in dict.fromkeys(peer.kind for peer in self.plan.peers):
            self.tell(f"preparing {kind}")
            reason = prepare(kind, self.plan.cache)
            if reason:
                self.results.absent |= {
                    peer.name: reason for peer in self.plan.peers if peer.kind == kind
                }
        for scenario in self.plan.scenarios:
            peers = [peer for peer in self.plan.peers if scenario in peer.scenarios]
            for number in range(1, self.plan.rounds + 1):
                self._round(scenario, number, peers)
            for number in range(1, _EXTRA_ROUNDS + 1):
                self._round(scenario, self.plan.rounds + number, self._again(scenario, peers))
        return self.results

    def _again(self, scenario: str, peers: list[Peer]) -> list[Peer]:
        """Return those whose runs were too noisy; with one of them ours, as its pair."""
        if scenario == "slow" or self.plan.rounds < 3:
            return []
        noisy = {
            peer.name
            for peer in peers
            for name in LOADS[scenario]
            if not self.results.reliable(name, peer.name)
        } - set(self.results.absent)
        return [peer for peer in peers if noisy and (peer.name in noisy or peer.name == "ours")]

    def _round(self, scenario: str, number: int, peers: list[Peer]) -> None:
        for peer in random.sample(peers, len(peers)):
            if peer.name in self.results.absent:
                continue
            try:
                with self._started(peer) as pid:
                    for name in LOADS[scenario]:
                        figures = self._measure(name, peer, pid)
                        self.results.runs.append(Run(name, peer.name, number, figures))
                        shown = " ".join(f"{key} {value:.4g}" for key, value in figures.items())
                        self.tell(f"round {number}  {name:<8} {peer.name:<13} {shown}")
            except (RunVoid, StoreError, OSError) as error:
                self.results.void.append(f"{scenario}, round {number}, {peer.name}: {error}")
                self.tell(f"void: {self.results.void[-1]}")
                never_ran = all(run.gateway != peer.name for run in self.results.runs)
                if never_ran and not isinstance(error, RunVoid):
                    self.results.absent[peer.name] = str(error)

    @contextmanager
    def _started(self, peer: Peer) -> Iterator[int]:
        """Run a fresh process of a gateway until the block ends; gives its pid."""
        with tempfile.TemporaryDirectory(dir=self.place.folder) as folder:
            place = replace(self.place, folder=Path(folder), port=free_port())
            self.port = place.port
            command = peer.start(place)
            with started(command, self._answers, Path(folder) / "log", timeout=30) as process:
                yield process.pid

    def _answers(self) -> bool:
        try:
            load.check(self.port, "get", load.fields_of(self.upstream.token))
        except RunVoid:
            return False
        return True

    def _measure(self, name: str, peer: Peer, pid: int) -> dict[str, float]:
        fields = load.fields_of(self.upstream.token)
        load.check(self.port, name, fields)
        if name == "slow":
            meter = accounting.Meter(pid, self.upstream.pid)
            found = load.slow_calls(self.port, fields)
            return {**found, "others": meter.used().others}
        bodies = name != "get"
        connections = _BODY_CONNECTIONS if bodies else self.plan.connections
        seconds = min(3, self.plan.seconds) if bodies else self.plan.seconds
        # Warm-up: connections, and what just-in-time compilers need.
        warm_up = 2 if bodies else 3
        load.wrk(self.port, name, fields, connections=connections, seconds=warm_up)
        meter = accounting.Meter(pid, self.upstream.pid)
        report = load.wrk(self.port, name, fields, connections=connections, seconds=seconds)
        used = meter.used()
        return {
            "cpu": used.gateway / report.requests * 1e6,
            "upstream": used.upstream / report.requests * 1e6,
            "rate": report.requests / report.seconds,
            "p50": report.p50,
            "p99": report.p99,
            "memory": accounting.memory_mb(meter.gateway),
            "others": used.others,
        }


def measure(plan: Plan, tell: Callable[[str], None]) -> Results:
    """Start the upstream and a Valkey, measure the plan, and stop them."""
    plan.cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=plan.cache, prefix="run-") as name:
        folder = Path(name)
        with (
            valkey.running(folder / "valkey") as redis_url,
            upstream.running(folder / "upstream") as behind,
        ):
            place = Place(folder, plan.cache, 0, behind.port, redis_url, plan.workers)
            return Bench(plan, place, behind, tell).run()
