"""Three of each: web and worker of every service, migrations, relays and tickers at one time."""

import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import pytest

from chassis.messaging.locks import RELAY_LOCK, TICKER_LOCK
from platform_cli import credentials
from platform_cli.audit import settle
from platform_cli.folders import ROOT, Var
from platform_cli.manifest import own_names
from platform_cli.replay.plan import make_plan
from platform_cli.replay.rows import read
from platform_cli.replay.runner import Outcome, Replay
from platform_cli.replay.shop import Shop
from platform_cli.stores.postgres import Postgres
from platform_cli.supervisor.options import Options
from platform_cli.supervisor.start import plan
from platform_cli.supervisor.state import StateFolder

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

REPLICAS = 3
INVOICES = 24
# Who leads an order from stock to payment; their relays are killed while they work.
VICTIMS = ("orders", "payments", "products")
# The periodic work that ends what was not paid in time, and the table that has its deadlines.
SWEEPS = {
    "orders": ("order_service", "expire_orders", "orders", "id"),
    "products": ("product_service", "expire_due_reservations", "reservations", "order_id"),
}
# Waits for a line, so that several begin at one moment.
SWEEP = """
import sys
from importlib import import_module
package, task = sys.argv[1:]
app = import_module(package).create_app()
sweep = getattr(import_module(package + ".tasks"), task)
print("ready", flush=True)
sys.stdin.readline()
with app.app_context():
    sweep()
"""


@pytest.fixture(scope="module")
def scaled(start_platform: Callable[..., Any]) -> Any:
    """A platform with three webs and three workers of every service."""
    return start_platform("--scale", ",".join(f"{name}={REPLICAS}" for name in own_names()))


@pytest.fixture(scope="module")
def environments(scaled: Any) -> Any:
    """The environments of the services, by name."""
    state = StateFolder(scaled.var / "run").read()
    assert state is not None
    return plan(Options.from_json(state.options), running=True).environments


def ask(url: str, question: str, *values: Any) -> list[tuple[Any, ...]]:
    """Return the rows of one statement, which is committed."""
    connection = psycopg2.connect(url.replace("postgresql+psycopg2:", "postgresql:", 1))
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(question, values)
            return cursor.fetchall()
    finally:
        connection.close()


def holders(url: str, lock: int) -> list[int]:
    """Return the client ports of the connections that hold an advisory lock of this database."""
    rows = ask(
        url,
        "SELECT a.client_port FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
        " WHERE l.locktype = 'advisory' AND l.granted AND l.objid = %s"
        " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        lock,
    )
    return [port for (port,) in rows]


def worker_behind(platform: Any, service: str, port: int) -> str:
    """Return the name of the worker whose connection to Postgres has this port on its side."""
    for number in range(1, REPLICAS + 1):
        name = f"{service}-worker" + (f"-{number}" if number > 1 else "")
        process = psutil.Process(platform.process(name)["pid"])
        if any(one.laddr.port == port for one in process.net_connections("tcp")):
            return name
    raise AssertionError(f"no worker of {service} has the connection from port {port}")


def test_of_three_workers_one_relays_and_one_ticks(scaled: Any, environments: Any) -> None:
    urls = [environments[name]["DATABASE_URL"] for name in own_names()]

    assert [len(holders(url, RELAY_LOCK)) for url in urls] == [1] * len(urls)
    assert [len(holders(url, TICKER_LOCK)) for url in urls] == [1] * len(urls)


def test_three_migrations_at_once_make_the_tables_once(scaled: Any, environments: Any) -> None:
    password = credentials.load_or_create(Var(scaled.var).secrets)["POSTGRES_PASSWORD"]
    server = Postgres(Var(scaled.var).data, scaled.process("postgres")["port"], password)
    url = server.create_database("migrated")
    environment = {**environments["orders"], "DATABASE_URL": url}
    command = [sys.executable, "-P", "-m", "order_service", "migrate"]

    migrations = [
        subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        for _ in range(REPLICAS)
    ]
    told = [migration.communicate(timeout=120)[0] for migration in migrations]

    assert [migration.returncode for migration in migrations] == [0] * REPLICAS, told
    head = ask(environments["orders"]["DATABASE_URL"], "SELECT version_num FROM alembic_version")
    assert ask(url, "SELECT version_num FROM alembic_version") == head
    assert len(head) == 1


def sweep_at_once(environments: Any) -> None:
    """Run every sweep of SWEEPS in three processes that begin at one moment."""
    with ExitStack() as stack:
        # As contexts: where one fails the others get an end of file, and end.
        running = [
            stack.enter_context(start_sweep(environments[name], package, task))
            for name, (package, task, _table, _key) in SWEEPS.items()
            for _ in range(REPLICAS)
        ]
        for one in running:
            assert one.stdout is not None
            # Behind what it may log before.
            assert "ready\n" in one.stdout
        for name, (_package, _task, table, key) in SWEEPS.items():
            late = f"UPDATE {table} SET expires_at = now() - interval '1 hour'"
            # A platform of its own: whatever has a deadline here is this test's.
            url = environments[name]["DATABASE_URL"]
            assert ask(url, f"{late} WHERE expires_at IS NOT NULL RETURNING {key}")
        for one in running:
            assert one.stdin is not None
            one.stdin.write("go\n")
            one.stdin.flush()
        assert [one.wait(timeout=60) for one in running] == [0] * len(running)


def start_sweep(environment: dict[str, str], package: str, task: str) -> subprocess.Popen[str]:
    """Start a process that sweeps when it is told to."""
    command = [sys.executable, "-P", "-c", SWEEP, package, task]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, env=environment, text=True, stdin=pipe, stdout=pipe)


def test_three_sweeps_at_once_end_every_order_and_return_its_stock_once(
    scaled: Any, environments: Any, day_of_trade: Path
) -> None:
    trade = make_plan(read(day_of_trade))
    shop = Shop(scaled.client, "sweeps", scaled.admin)
    products = shop.offer(trade.goods.values())
    token = shop.sign_in("sweeps")
    orders = [shop.place(invoice, products, token)["id"] for invoice in trade.invoices[:10]]

    sweep_at_once(environments)

    assert [check for check in settle(scaled.client, shop.admin) if not check.ok] == []
    told = "SELECT type, count(*) FROM outbox WHERE type IN %s AND subject IN %s GROUP BY 1"
    types = ("order.expired.v1", "stock.released.v1")
    assert {
        name: ask(environments[name]["DATABASE_URL"], told, types, tuple(orders)) for name in SWEEPS
    } == {
        "orders": [("order.expired.v1", len(orders))],
        "products": [("stock.released.v1", len(orders))],
    }
    ends = [shop.order_until(one, token, lambda _: True)["status"] for one in orders]
    assert ends == ["expired"] * len(orders)


def test_a_day_of_trade_is_exact_while_the_relays_at_work_are_killed(
    scaled: Any, environments: Any, day_of_trade: Path
) -> None:
    urls = {name: environments[name]["DATABASE_URL"] for name in VICTIMS}
    killed: dict[str, int] = {}
    turn = threading.Lock()

    def kill_on_time(_outcome: Outcome) -> None:
        with turn:  # Several customers' threads come here.
            for name in VICTIMS[: len(run.outcomes) // 6]:
                if name not in killed:
                    [killed[name]] = holders(urls[name], RELAY_LOCK)
                    scaled.kill(worker_behind(scaled, name, killed[name]))

    trade = make_plan(read(day_of_trade))
    trade.invoices[:] = trade.invoices[:INVOICES]
    shop = Shop(scaled.client, "replicas", scaled.admin)
    run = Replay(shop, trade, concurrency=6, progress=kill_on_time)
    run.run()

    assert [one.state for one in run.outcomes.values()] == ["paid"] * INVOICES
    assert list(killed) == list(VICTIMS)
    assert [check for check in settle(scaled.client, shop.admin) if not check.ok] == []
    for name in VICTIMS:
        [port] = holders(urls[name], RELAY_LOCK)
        assert port != killed[name]
