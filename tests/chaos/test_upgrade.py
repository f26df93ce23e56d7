"""An upgrade as a cluster does it: first the schema, then one instance after the other.

It is the way back as well, on which the code is older than the schema and no migration is undone.
"""

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import requests

from platform_cli.audit import settle
from platform_cli.manifest import own_services
from platform_cli.replay.plan import make_plan
from platform_cli.replay.rows import read
from platform_cli.replay.runner import Replay
from platform_cli.replay.shop import Shop
from platform_cli.supervisor.options import Options
from platform_cli.supervisor.start import plan
from platform_cli.supervisor.state import StateFolder

pytestmark = [pytest.mark.long, pytest.mark.timeout(240)]

NEXT_RELEASE = "9000_next_release"
INSTANCES = ("orders-web", "orders-worker", "orders-web-2", "orders-worker-2")
INVOICES = 30


@pytest.fixture(scope="module")
def doubled(start_platform: Callable[..., Any]) -> Any:
    """A platform with two instances of order-service."""
    return start_platform("--scale", "orders=2")


def migrate_further(platform: Any) -> None:
    """Do to the database of orders what a migration of the next release would do."""
    state = StateFolder(platform.var / "run").read()
    assert state is not None
    url = plan(Options.from_json(state.options), running=True).environments["orders"][
        "DATABASE_URL"
    ]
    connection = psycopg2.connect(url.replace("postgresql+psycopg2:", "postgresql:", 1))
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '4s'")
            cursor.execute("ALTER TABLE orders ADD COLUMN colour text")
            cursor.execute("UPDATE alembic_version SET version_num = %s", (NEXT_RELEASE,))
    finally:
        connection.close()


def replace_one_after_the_other(platform: Any, eventually: Callable[..., None]) -> None:
    """End each instance as Kubernetes does, and go on when its successor is ready."""
    for name in INSTANCES:
        pid = platform.process(name)["pid"]
        os.kill(pid, signal.SIGTERM)
        eventually(lambda name=name, pid=pid: platform.back_again(name, pid), timeout=45)


def test_orders_go_on_while_their_service_is_replaced_on_a_newer_schema(
    doubled: Any, day_of_trade: Path, eventually: Callable[..., None]
) -> None:
    trade = make_plan(read(day_of_trade))
    trade.invoices[:] = trade.invoices[:INVOICES]
    shop = Shop(doubled.client, "upgrade", doubled.admin)
    run = Replay(shop, trade, concurrency=2)

    with ThreadPoolExecutor(1) as beside:
        trading = beside.submit(run.run)
        migrate_further(doubled)
        replace_one_after_the_other(doubled, eventually)
        trading.result()

    assert [one.state for one in run.outcomes.values()] == ["paid"] * INVOICES
    assert [check for check in settle(doubled.client, shop.admin) if not check.ok] == []
    (orders,) = (one for one in own_services() if one.name == "orders")
    ready = f"http://127.0.0.1:{doubled.port + orders.offset}/health/ready"
    assert requests.get(ready, timeout=5).json()["checks"]["schema"] == {
        "ok": True,
        "version": NEXT_RELEASE,
    }
