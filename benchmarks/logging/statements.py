"""What watching statements costs: `SELECT 1` by the driver, without and with the watched cursor.

Run with `python benchmarks/logging/statements.py [turn] [rounds]`. It starts its own Postgres; the
variants take short turns, and a figure is the smallest turn's, with the median in brackets.
"""

import contextlib
import logging
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg2

from chassis import logging as platform_logging
from chassis.answer_watch import WatchedConnection
from chassis.statements import watched_cursor
from platform_cli.stores import postgres

VARIANTS: dict[str, tuple[Any, int]] = {
    "the driver's own cursor": (None, logging.INFO),
    "`SLOW_QUERY_SECONDS=0`": (watched_cursor(0.0), logging.INFO),
    "`SLOW_QUERY_SECONDS=0.5`": (watched_cursor(0.5), logging.INFO),
    "`DEBUG`: every statement is logged, to `/dev/null`": (watched_cursor(0.5), logging.DEBUG),
}


def measure(connection: Any, requests: int) -> float:
    """Return the CPU time of one statement in microseconds, Postgres' own excluded."""
    started = time.process_time()
    for _ in range(requests):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    return (time.process_time() - started) / requests * 1e6


def main(requests: int, rounds: int) -> None:
    """Measure all variants in turn and print the table."""
    results: dict[str, list[float]] = {name: [] for name in VARIANTS}
    with (
        tempfile.TemporaryDirectory() as folder,
        postgres.running(Path(folder) / "postgres") as server,
    ):
        url = server.create_database("statements").replace("+psycopg2", "")
        with contextlib.closing(
            psycopg2.connect(url, connection_factory=WatchedConnection)
        ) as connection:
            connection.autocommit = True
            for _ in range(rounds):
                for name, (factory, level) in VARIANTS.items():
                    logging.getLogger().setLevel(level)
                    connection.cursor_factory = factory
                    results[name].append(measure(connection, requests))
    print("| variant | CPU of a statement, µs |\n| --- | --- |", file=OUT)
    for name, values in results.items():
        print(f"| {name} | {min(values):.1f} ({statistics.median(values):.1f}) |", file=OUT)


OUT: Any = os.fdopen(os.dup(1), "w")

if __name__ == "__main__":
    arguments = [int(argument) for argument in sys.argv[1:3]]
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        platform_logging.configure("benchmark")
        main(*(arguments + [1000, 30][len(arguments) :]))
    OUT.flush()
