"""A replay of a shop in which nothing moves: it tells which order stands where, and ends soon."""

from collections import Counter
from datetime import datetime
from typing import Any, cast

import pytest

from platform_cli.ports import free_port
from platform_cli.replay.plan import Invoice, Plan
from platform_cli.replay.runner import STUCK, Replay
from platform_cli.replay.shop import Shop
from platform_cli.shop_client import ApiError, ShopClient


class StandingShop:
    """Orders and payments stay as they are, as after a patient wait; remembers what was asked."""

    def __init__(self, order: str, payment: str) -> None:
        self._order, self._payment = order, payment
        self.asked: list[str] = []

    def offer(self, _goods: Any) -> dict[str, str]:
        return {}

    def sign_in(self, _customer: str) -> str:
        return "token"

    def place(self, invoice: Invoice, *_: Any) -> dict[str, Any]:
        self.asked.append(f"place {invoice.number}")
        return self._found(invoice.number)

    def pay(self, order: dict[str, Any], _token: str) -> dict[str, Any]:
        self.asked.append(f"pay {order['id']}")
        return {"status": self._payment}

    def order_until(self, order_id: str, *_: Any) -> dict[str, Any]:
        self.asked.append(f"wait for {order_id}")
        return self._found(order_id)

    def _found(self, order_id: str) -> dict[str, Any]:
        return {"id": order_id, "status": self._order, "reason": None}


def replay_two(shop: StandingShop) -> Replay:
    invoices = [Invoice(number, "17850", datetime(2010, 12, 1), Counter()) for number in "12"]
    plan = Plan({}, invoices, Counter(), lines=0)
    run = Replay(cast(Shop, shop), plan, concurrency=1)
    run.give_up = lambda outcome: outcome.state == STUCK
    run.run()
    return run


@pytest.mark.parametrize(
    ("order", "payment", "reason", "asked"),
    [
        ("pending", "", "order pending", ["place 1"]),
        ("awaiting_payment", "processing", "payment processing", ["place 1", "pay 1"]),
        (
            "awaiting_payment", "succeeded", "order awaiting_payment",
            ["place 1", "pay 1", "wait for 1"],
        ),
    ],
)  # fmt: skip
def test_stuck_order_is_told_with_where_it_stands_and_no_other_is_begun(
    order: str, payment: str, reason: str, asked: list[str]
) -> None:
    shop = StandingShop(order, payment)

    run = replay_two(shop)

    (outcome,) = run.outcomes.values()
    assert (outcome.invoice, outcome.state, outcome.reason) == ("1", STUCK, reason)
    assert outcome.order_id == "1"
    assert shop.asked == asked


def test_a_gateway_that_is_gone_is_told_in_words() -> None:
    client = ShopClient(f"http://127.0.0.1:{free_port()}", patience=0)
    with pytest.raises(ApiError) as raised:
        client.call("GET", "/api/products")
    assert str(raised.value) == "the gateway gives no answer (ConnectionError)"
