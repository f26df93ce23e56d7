"""A platform that lost everything but its backup: the day of trade is there, and trade goes on."""

import stat
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from platform_cli.audit import read_audits, settle
from platform_cli.folders import Var
from platform_cli.replay.plan import Goods, make_plan
from platform_cli.replay.rows import read
from platform_cli.replay.runner import Outcome, Replay
from platform_cli.replay.shop import Shop

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

INVOICES = 24
HALF = 10


@dataclass
class Trade:
    """Part of a day of trade, with a backup made while it ran."""

    platform: Any
    file: Path
    paid_before: list[str]


@pytest.fixture(scope="module")
def trade(
    start_platform: Callable[..., Any], day_of_trade: Path, tmp_path_factory: pytest.TempPathFactory
) -> Trade:
    """Six customers trade at a time; the backup comes while orders and events are on their way."""
    made = Trade(start_platform(), tmp_path_factory.mktemp("backup") / "platform.backup", [])
    plan = make_plan(read(day_of_trade))
    plan.invoices[:] = plan.invoices[:INVOICES]
    half, turn = threading.Event(), threading.Lock()

    def count(outcome: Outcome) -> None:
        with turn:
            if not half.is_set():
                made.paid_before.append(outcome.order_id)
            if len(made.paid_before) == HALF and not half.is_set():
                half.set()

    def back_up() -> None:
        assert half.wait(120)
        made.platform.command("backup", str(made.file))

    shop = Shop(made.platform.client, "backup", made.platform.admin)
    run = Replay(shop, plan, concurrency=6, progress=count)
    with ThreadPoolExecutor(1) as pool:
        backup = pool.submit(back_up)
        run.run()
        backup.result()
    assert {one.state for one in run.outcomes.values()} == {"paid"}
    return made


def figures(platform: Any) -> dict[str, Any]:
    """Return people, money and sold units of a platform at rest, all invariants holding."""
    client = platform.client
    admin = client.login(*platform.admin)
    assert [check for check in settle(client, admin) if not check.ok] == []
    found = read_audits(client, admin)
    products, payments = found["products"]["counts"], found["payments"]["counts"]
    return {
        "users": found["users"]["counts"]["users"],
        "orders": found["orders"]["sums"],
        "payments": {name: payments[name] for name in ("payments", "captured", "refunded")},
        "products": {name: products[name] for name in products if name.endswith("_units")},
    }


def buy(platform: Any, name: str) -> str:
    """Order one thing, pay it, and return the order's last status."""
    shop = Shop(platform.client, name, platform.admin)
    [product_id] = shop.offer([Goods(f"{name}-1", "Bought after", 500, 10)]).values()
    token = shop.sign_in(name)
    body = {"items": [{"product_id": product_id, "quantity": 2}]}
    order = shop.client.call("POST", "/api/orders", token=token, json=body, key=f"{name}-order")
    shop.order_until(order["id"], token, lambda one: one["status"] == "awaiting_payment")
    payment = {"order_id": order["id"], "source": "tok_success", "capture_method": "automatic"}
    shop.client.call("POST", "/api/payments", token=token, json=payment, key=f"{name}-pay")
    paid = shop.order_until(order["id"], token, lambda one: one["status"] == "paid")
    return str(paid["status"])


def wipe_and_restore(platform: Any, file: Path) -> str:
    """Lose everything, bring the backup back, start; returns what `restore` told."""
    platform.command("down")
    platform.command("reset", "--yes")
    told: str = platform.command("restore", str(file)).stdout
    platform.command("up", "--detach", "--port", str(platform.port))
    return told


def test_a_backup_made_while_orders_are_on_their_way_restores_to_a_shop_that_adds_up(
    trade: Trade,
) -> None:
    platform = trade.platform
    password = platform.admin[1]

    told = wipe_and_restore(platform, trade.file)

    assert stat.S_IMODE(trade.file.stat().st_mode) == 0o600
    assert "Restored notifications, orders, payments, products, users as of " in told
    assert platform.admin[1] == password
    figures(platform)
    client = platform.client
    admin = client.login(*platform.admin)
    found = [
        client.call("GET", f"/api/orders/{order_id}", token=admin)["status"]
        for order_id in trade.paid_before
    ]
    assert found == ["paid"] * HALF
    assert buy(platform, "after-restore") == "paid"


def test_a_stopped_platform_is_restored_to_the_same_figures_and_its_lost_events_come_again(
    trade: Trade, tmp_path: Path, eventually: Callable[..., None]
) -> None:
    platform, file = trade.platform, tmp_path / "stopped.backup"
    shop = Shop(platform.client, "waiting", platform.admin)
    [product_id] = shop.offer([Goods("WAITING-1", "Wanted", 500, 10)]).values()
    token = shop.sign_in("waiting")
    before = figures(platform)
    # The broker has the order's event, and nobody has taken it: a backup has no broker.
    platform.command("down", "products")
    body = {"items": [{"product_id": product_id, "quantity": 2}]}
    order = shop.client.call("POST", "/api/orders", token=token, json=body, key="waiting-order")
    audit = "/api/orders/audit"
    eventually(lambda: shop.client.call("GET", audit, token=shop.admin)["outbox_pending"] == 0)
    platform.command("down")
    platform.command("backup", str(file))

    refused = platform.try_command("restore", str(file))
    wipe_and_restore(platform, file)

    assert refused.returncode == 1
    assert "./platform reset deletes it" in refused.stderr
    reached = shop.order_until(order["id"], token, lambda one: one["status"] != "pending")
    assert reached["status"] == "awaiting_payment"
    before["products"]["reserved_units"] += 2
    assert figures(platform) == before


def test_a_damaged_backup_is_refused_and_leaves_nothing(trade: Trade, tmp_path: Path) -> None:
    whole = trade.file.read_bytes()
    damaged = tmp_path / "damaged.backup"
    damaged.write_bytes(whole[: len(whole) // 2])
    empty = Var(tmp_path / "var")
    elsewhere = type(trade.platform)(empty.path, trade.platform.port)

    refused = elsewhere.try_command("restore", str(damaged))

    assert refused.returncode == 1
    assert "damaged" in refused.stderr
    assert not empty.data.joinpath("postgres", "data").exists()
    assert not empty.secrets.exists()
