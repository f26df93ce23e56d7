"""The shop as its users meet it, through the gateway of a whole platform."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from platform_cli.audit import settle
from platform_cli.manifest import own_names
from platform_cli.replay.plan import Goods
from platform_cli.replay.shop import Shop


def test_the_demo_tells_its_story_to_the_end(platform: Any) -> None:
    told = platform.command("demo")

    assert "Everything happened as it should." in told.stdout


def test_the_demo_can_be_told_again(platform: Any) -> None:
    platform.command("demo")

    assert "Everything happened as it should." in platform.command("demo").stdout


def test_a_replayed_day_ends_with_every_invoice_final_and_all_invariants_holding(
    platform: Any, day_of_trade: Path
) -> None:
    told = platform.command("replay", str(day_of_trade))

    assert "BROKEN" not in told.stdout
    assert "49 orders in" in told.stdout


def test_a_replayed_day_on_rabbitmq(rabbitmq_platform: Any, day_of_trade: Path) -> None:
    told = rabbitmq_platform.command("replay", str(day_of_trade))

    assert "BROKEN" not in told.stdout
    assert "49 orders in" in told.stdout


def test_health_names_every_service_as_healthy(platform: Any) -> None:
    answer = requests.get(f"http://127.0.0.1:{platform.port}/health", timeout=5)

    assert answer.status_code == 200
    assert answer.json()["data"]["status"] == "healthy"
    assert set(answer.json()["data"]["services"]) == {*own_names(), "compute"}


def test_a_platform_at_rest_holds_all_invariants(platform: Any) -> None:
    client = platform.client
    admin = client.login(*platform.admin)

    assert [check for check in settle(client, admin) if not check.ok] == []


def test_orders_are_taken_while_products_and_payments_are_down(
    platform: Any, eventually: Callable[..., None]
) -> None:
    client, shop = platform.client, Shop(platform.client, "outage", platform.admin)
    [product_id] = shop.offer([Goods("OUTAGE-1", "Something to order", 500, 1000)]).values()
    token = shop.sign_in("outage")
    platform.command("down", "products")
    platform.command("down", "payments")

    body = {"items": [{"product_id": product_id, "quantity": 2}]}
    order = client.call("POST", "/api/orders", token=token, json=body, key="outage-1")

    assert order["status"] == "pending"
    health = f"http://127.0.0.1:{platform.port}/health"
    eventually(lambda: requests.get(health, timeout=5).status_code == 503)
    services = requests.get(health, timeout=5).json()["data"]["services"]
    assert services["products"]["status"] == "unhealthy"

    platform.command("restart", "products")
    platform.command("restart", "payments")
    reserved = shop.order_until(order["id"], token, lambda one: one["status"] != "pending")
    assert reserved["status"] == "awaiting_payment"
    assert reserved["total"] == {"amount": 1000, "currency": "GBP"}
    assert shop.pay(reserved, token)["status"] == "succeeded"
    assert (
        shop.order_until(order["id"], token, lambda one: one["status"] == "paid")["status"]
        == "paid"
    )
