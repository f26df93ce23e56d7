"""CPU of a hot read in process: product list (page of 20) and product by id, on 10,000 products.

Run with `python benchmarks/products/hot_reads.py [turn] [rounds]`. It starts its own Postgres and
calls the WSGI app directly: no server, no client. The variants take short turns, so that noise hits
all of them: the smallest turn says what the code costs, the median what the machine made of it.
"""

import contextlib
import io
import itertools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from catalogue import PRODUCTS, analyze, fill
from flask import Flask
from plain import create_floor_app, create_plain_app

from chassis import migrations
from chassis.database import transaction
from platform_cli.stores import postgres
from product_service import create_app
from product_service.config import Config
from product_service.services.recent import Recent

LIMIT_US = 350


@contextlib.contextmanager
def catalogue() -> Iterator[tuple[str, list[str]]]:
    """Run a Postgres with the catalogue in it; gives its URL and some product ids."""
    with (
        tempfile.TemporaryDirectory() as folder,
        postgres.running(Path(folder) / "postgres") as server,
    ):
        url = server.create_database("products")
        app = make_app(url, log_level="WARNING")
        migrations.migrate(app)
        with app.app_context():
            with transaction() as session:
                ids = fill(session)
            with transaction() as session:
                analyze(session)
        yield url, ids


def make_app(url: str, **settings: Any) -> Flask:
    """Return product-service with its defaults, apart from `settings`."""
    needed = {
        "database_url": url,
        "redis_url": "redis://127.0.0.1:1/0",
        "secret_key": "benchmark",
        # What Redis saves is measured in benchmarks/cache.
        "product_ttl": 0.0,
    }
    return create_app(Config.from_env({}, **{**needed, **settings}))


def forgetful(app: Flask) -> Flask:
    """Let the app remember totals, and no page."""
    app.extensions["product_service.pages"] = Recent(0)
    return app


def call(app: Flask, target: str) -> int:
    """Send one GET through WSGI; returns the length of the answer."""
    path, _, query = target.partition("?")
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "5002",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "127.0.0.1:5002",
        "HTTP_ACCEPT": "application/json",
        "HTTP_X_REQUEST_ID": "benchmark-request",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    statuses: list[str] = []
    body = app(environ, lambda status, headers, exc_info=None: statuses.append(status))
    length = sum(len(part) for part in body)
    body.close()  # type: ignore[attr-defined]
    if statuses != ["200 OK"]:
        raise RuntimeError(f"{target} answered {statuses}")
    return length


def measure(app: Flask, targets: Iterator[str], requests: int) -> float:
    """Return the CPU time of one request in microseconds, Postgres' own excluded."""
    started = time.process_time()
    for _ in range(requests):
        call(app, next(targets))
    return (time.process_time() - started) / requests * 1e6


def main(requests: int, rounds: int) -> int:
    """Measure all variants in turn and print the table; 1 if a hot read exceeds the limit."""
    with catalogue() as (url, ids):
        # Postgres keeps the other cores, so that its work does not empty our caches.
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        targets = {
            "list": itertools.cycle(["/api/products"]),
            "one": itertools.cycle([f"/api/products/{product_id}" for product_id in ids]),
        }
        makers: dict[str, Callable[[], Flask]] = {
            "floor: bare Flask, `SELECT 1`, ready bytes": lambda: create_floor_app(url),
            "plain: ORM, marshmallow, jsonify": lambda: create_plain_app(url),
            "product-service": lambda: make_app(url),
            "product-service, every page read": lambda: forgetful(make_app(url)),
            "product-service, every page read, `LOG_LEVEL=WARNING`": lambda: forgetful(
                make_app(url, log_level="WARNING")
            ),
        }
        results: dict[tuple[str, str], list[float]] = {}
        for _ in range(rounds):
            for name, make in makers.items():
                # Logging is one setting of a process, so that each turn makes its app anew.
                app = make()
                for read, paths in targets.items():
                    measure(app, paths, 50)
                    results.setdefault((name, read), []).append(measure(app, paths, requests))
                close(app)
        return report(results, list(makers))


def close(app: Flask) -> None:
    """Give back the app's connections."""
    if "sqlalchemy" in app.extensions:
        with app.app_context():
            app.extensions["sqlalchemy"].engine.dispose()


def report(results: dict[tuple[str, str], list[float]], names: list[str]) -> int:
    """Print the table; return 1 if product-service, at its best, is over the limit."""
    over = 0
    print(f"CPU in process, µs a request: smallest turn (median); {PRODUCTS} products\n", file=OUT)
    print("| variant | list of 20 | by id |\n| --- | --- | --- |", file=OUT)
    for name in names:
        cells = []
        for read in ("list", "one"):
            values = results[name, read]
            cells.append(f"{min(values):.0f} ({statistics.median(values):.0f})")
            over |= name == "product-service" and min(values) > LIMIT_US
        print(f"| {name} | {' | '.join(cells)} |", file=OUT)
    return int(over)


OUT: Any = os.fdopen(os.dup(1), "w")

if __name__ == "__main__":
    arguments = [int(argument) for argument in sys.argv[1:3]]
    # The log lines are written, but not to the terminal.
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        status = main(*(arguments + [200, 20][len(arguments) :]))
    OUT.flush()
    sys.exit(status)
