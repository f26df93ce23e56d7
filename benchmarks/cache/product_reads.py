"""What remembering products in Redis costs and saves, per request: reads and changes of stock.

Run with `python benchmarks/cache/product_reads.py [turn] [rounds]`. It starts its own Postgres and
Valkey, as the embedded platform does, and calls the WSGI app directly. The variants take short
turns, so that noise hits all of them. Of the stores' CPU, which is coarse, the mean is told.
"""

import contextlib
import itertools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

sys.path.insert(0, str(Path(__file__).parents[1] / "products"))

import psutil
import redis
from flask import Flask
from hot_reads import OUT, call, catalogue, close, make_app

from chassis import cache
from chassis.database import transaction
from platform_cli.stores import valkey
from product_service.services.product_cache import PRODUCT_CACHE
from product_service.services.stock import adjust_stock

ACTOR = uuid4()
Work = Callable[[Flask, str], None]


@dataclass
class Figures:
    """Microseconds a request, one entry for each turn."""

    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    stores: list[float] = field(default_factory=list)


def read(app: Flask, product_id: str) -> None:
    """Read a product as a customer."""
    call(app, f"/api/products/{product_id}")


def adjust(app: Flask, product_id: str) -> None:
    """Change the stock of a product, without the route's work around it."""
    with app.app_context(), transaction() as session:
        adjust_stock(session, UUID(product_id), 1, reason="benchmark", actor_id=ACTOR)


def forget(app: Flask, product_id: str) -> None:
    """Make the next read of a product a miss."""
    with app.app_context():
        cache.named(PRODUCT_CACHE).forget([product_id])


def leave(app: Flask, product_id: str) -> None:
    """Prepare nothing."""


# Seconds that products are remembered, whether Valkey fsyncs, what comes before, what is measured.
VARIANTS: dict[str, tuple[float, str, Work, Work]] = {
    "read, cache off": (0.0, "always", leave, read),
    "read, hit": (600.0, "always", leave, read),
    "read, miss": (600.0, "always", forget, read),
    "read, miss, Valkey without fsync": (600.0, "no", forget, read),
    "stock changed, cache off": (0.0, "always", leave, adjust),
    "stock changed, cache on": (600.0, "always", leave, adjust),
    "stock changed, cache on, Valkey without fsync": (600.0, "no", leave, adjust),
}


def store_seconds() -> float:
    """Return the CPU time that the stores below this process have used."""
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        try:
            used = process.cpu_times()
        except psutil.Error:
            continue
        total += used.user + used.system
    return total


def take_turn(app: Flask, prepare: Work, work: Work, ids: list[str], into: Figures) -> None:
    """Add what each request of one turn took; preparations count for the stores only."""
    cpu = wall = 0.0
    stores = store_seconds()
    for product_id in ids:
        prepare(app, product_id)
        started, used = time.perf_counter(), time.process_time()
        work(app, product_id)
        cpu += time.process_time() - used
        wall += time.perf_counter() - started
    into.cpu.append(cpu / len(ids) * 1e6)
    into.wall.append(wall / len(ids) * 1e6)
    into.stores.append((store_seconds() - stores) / len(ids) * 1e6)


def main(requests: int, rounds: int) -> None:
    """Measure all variants in turn and print the table."""
    with (
        tempfile.TemporaryDirectory() as folder,
        catalogue() as (url, products),
        valkey.running(Path(folder) / "valkey") as redis_url,
        redis.Redis.from_url(redis_url) as client,
    ):
        ids = list(itertools.islice(itertools.cycle(products), requests))
        figures = {name: Figures() for name in VARIANTS}
        settings = {"log_level": "WARNING", "cache_url": redis_url}
        apps = {ttl: make_app(url, product_ttl=ttl, **settings) for ttl in (0.0, 600.0)}
        for _ in range(rounds):
            for name, (ttl, fsync, prepare, work) in VARIANTS.items():
                client.config_set("appendfsync", fsync)
                if prepare is leave and work is read:
                    take_turn(apps[ttl], leave, read, ids, Figures())
                take_turn(apps[ttl], prepare, work, ids, figures[name])
        for app in apps.values():
            close(app)
    report(figures)


def report(figures: dict[str, Figures]) -> None:
    """Print the table of medians."""
    columns = "CPU of the process | latency | CPU of the stores"
    print(f"| µs a request: smallest turn (median) | {columns} |", file=OUT)
    print("| --- | --- | --- | --- |", file=OUT)
    for name, found in figures.items():
        cells = [
            f"{min(values):.0f} ({statistics.median(values):.0f})"
            for values in (found.cpu, found.wall)
        ]
        stores = f"{statistics.mean(found.stores):.0f}"
        print(f"| {name} | {' | '.join(cells)} | {stores} |", file=OUT)


if __name__ == "__main__":
    arguments = [int(argument) for argument in sys.argv[1:3]]
    # Its own Valkey, so that its CPU is counted with the stores'.
    os.environ.pop("PLATFORM_REDIS_URL", None)
    # The log is written, but not to the terminal.
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        main(*(arguments + [150, 15][len(arguments) :]))
    OUT.flush()
