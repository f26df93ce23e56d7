"""Two at once, with real commits on the real database."""

import threading
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from chassis.database import transaction
from chassis.messaging.tables import outbox
from order_service.services.audit import audit_orders
from order_service.services.orders import expire_due_orders

ROUNDS = 5


@pytest.fixture
def live_shop(live_app: Any, open_shop: Any) -> Any:
    """A shop whose effects are committed."""
    return open_shop(live_app)


@pytest.fixture
def recorded(live_app: Any) -> Callable[[str], list[str]]:
    """Return the types of the events recorded about an order."""

    def read(order_id: str) -> list[str]:
        with live_app.app_context(), transaction() as session:
            about = select(outbox.c.type).where(outbox.c.subject == order_id)
            return list(session.scalars(about.order_by(outbox.c.id)))

    return read


@pytest.fixture
def check_money(live_app: Any) -> Callable[[], None]:
    """Assert that every invariant of the audit holds."""

    def check() -> None:
        with live_app.app_context(), transaction() as session:
            broken = [check.name for check in audit_orders(session)["checks"] if not check.ok]
        assert broken == []

    return check


def at_once(*actions: Callable[[], Any]) -> list[Any]:
    """Start all actions at the same moment; return their results in the order given."""
    barrier, results = threading.Barrier(len(actions)), [None] * len(actions)

    def run(index: int, action: Callable[[], Any]) -> None:
        barrier.wait(timeout=10)
        results[index] = action()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(actions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return results


def test_cancel_and_payment_at_once_end_in_one_refund(
    live_shop: Any, recorded: Any, check_money: Any
) -> None:
    for _ in range(ROUNDS):
        order = live_shop.placed_and_reserved()

        cancelled, _ = at_once(
            lambda order=order: live_shop.post(f"/{order['id']}/cancel"),
            lambda order=order: live_shop.pay(order),
        )

        after = live_shop.order(order["id"])
        assert cancelled.status_code == 200
        assert after["status"] == "cancelled"
        assert [refund["amount"] for refund in after["refunds"]] == [750]
        events = recorded(order["id"])
        assert events.count("order.cancelled.v1") == 1
        assert events.count("refund.requested.v1") == 1
    check_money()


def test_two_payments_at_once_settle_the_order_once(
    live_shop: Any, recorded: Any, check_money: Any
) -> None:
    for _ in range(ROUNDS):
        order = live_shop.placed_and_reserved()

        paid = at_once(*[lambda order=order: live_shop.pay(order) for _ in range(2)])

        after = live_shop.order(order["id"])
        assert after["status"] == "paid"
        [refund] = after["refunds"]
        assert {refund["payment_id"], after["payment_id"]} == set(paid)
        assert recorded(order["id"]).count("order.paid.v1") == 1
    check_money()


def test_a_waiting_customer_is_told_when_the_stock_is_reserved(
    live_shop: Any, eventually: Any
) -> None:
    items = [{"product_id": str(uuid4()), "quantity": 1}]

    def reserve() -> None:
        eventually(lambda: live_shop.get("").get_json()["data"])
        [order] = live_shop.get("").get_json()["data"]
        live_shop.send("stock.reserved.v1", live_shop.messages.stock_reserved(order))

    answer, _ = at_once(
        lambda: live_shop.post("", {"items": items}, key="k", Prefer="wait=10"), reserve
    )

    assert answer.status_code == 200
    assert answer.get_json()["data"]["status"] == "awaiting_payment"
    assert answer.get_json()["data"]["total"] == {"amount": 250, "currency": "GBP"}


def test_the_same_key_at_once_is_one_order(live_shop: Any, recorded: Any) -> None:
    items = [{"product_id": str(uuid4()), "quantity": 1}]
    for _ in range(ROUNDS):
        key = str(uuid4())

        answers = at_once(
            *[lambda key=key: live_shop.post("", {"items": items}, key=key) for _ in range(4)]
        )

        assert {answer.status_code for answer in answers} <= {202, 409}
        made = {a.get_json()["data"]["id"] for a in answers if a.status_code == 202}
        assert len(made) == 1
        assert recorded(made.pop()) == ["order.placed.v1"]
    assert live_shop.get("").get_json()["meta"]["pagination"]["total"] == ROUNDS


def test_the_same_cart_ordered_twice_at_once_is_one_order(live_shop: Any) -> None:
    for number in range(1, ROUNDS + 1):
        live_shop.post("/cart/items", {"product_id": str(uuid4()), "quantity": 1})

        answers = at_once(
            *[lambda: live_shop.post("", {"from_cart": True}, key=str(uuid4())) for _ in range(2)]
        )

        assert sorted(answer.status_code for answer in answers) == [202, 409]
        assert live_shop.get("").get_json()["meta"]["pagination"]["total"] == number


def test_one_product_added_twice_at_once_is_one_line(live_shop: Any) -> None:
    product = str(uuid4())

    at_once(
        *[
            lambda: live_shop.post("/cart/items", {"product_id": product, "quantity": 1})
            for _ in range(6)
        ]
    )

    [item] = live_shop.get("/cart").get_json()["data"]["items"]
    assert (item["product_id"], item["quantity"]) == (product, 6)


def test_two_full_refunds_at_once_are_one(live_shop: Any, recorded: Any, check_money: Any) -> None:
    for _ in range(ROUNDS):
        order = live_shop.placed_and_paid()

        def refund(order: dict[str, Any] = order) -> int:
            body = {"amount": 750, "reason": "damaged"}
            path = f"/{order['id']}/refunds"
            return int(live_shop.post_as(live_shop.staff, path, body, key=str(uuid4())).status_code)

        assert sorted(at_once(refund, refund)) == [202, 409]
        assert recorded(order["id"]).count("refund.requested.v1") == 1
    check_money()


def test_cancel_and_ship_at_once_have_one_winner(live_shop: Any, check_money: Any) -> None:
    for _ in range(ROUNDS):
        order = live_shop.placed_and_paid()

        cancelled, shipped = at_once(
            lambda order=order: live_shop.post(f"/{order['id']}/cancel"),
            lambda order=order: live_shop.post_as(live_shop.staff, f"/{order['id']}/ship"),
        )

        assert sorted([cancelled.status_code, shipped.status_code]) == [200, 409]
        expected = "cancelled" if cancelled.status_code == 200 else "shipped"
        assert live_shop.order(order["id"])["status"] == expected
    check_money()


def test_two_sweeps_and_a_payment_at_once_end_consistently(
    live_shop: Any, live_app: Any, clock: Any, recorded: Any, check_money: Any
) -> None:
    def sweep() -> None:
        with live_app.app_context(), transaction() as session:
            expire_due_orders(session)

    order = live_shop.placed_and_reserved()
    clock.move(901)

    at_once(sweep, sweep, lambda: live_shop.pay(order))
    sweep()

    after = live_shop.order(order["id"])
    assert after["status"] in ("paid", "expired")
    events = recorded(order["id"])
    assert events.count("order.expired.v1") == (after["status"] == "expired")
    assert events.count("refund.requested.v1") == (after["status"] == "expired")
    check_money()
