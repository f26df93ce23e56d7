"""The shop as its users meet it, through the gateway of a whole platform."""

from pathlib import Path
from typing import Any

import requests

from platform_cli.audit import check_invariants, read_audits, wait_until_quiet


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
    assert set(answer.json()["data"]["services"]) == {"users", "products", "orders", "payments"}


def test_a_platform_at_rest_holds_all_invariants(platform: Any) -> None:
    client = platform.client
    admin = client.login(*platform.admin)

    assert wait_until_quiet(client, admin)
    assert [check for check in check_invariants(read_audits(client, admin)) if not check.ok] == []
