"""Cancelling, shipping, delivering, and the end of orders that nobody paid."""

from typing import Any

import pytest

from chassis.database import transaction
from order_service.services.orders import EXPIRY_BATCH, expire_due_orders


def test_an_unpaid_order_is_cancelled_without_a_refund(shop: Any, published: Any) -> None:
    order = shop.placed_and_reserved()

    response = shop.post(f"/{order['id']}/cancel")

    after = response.get_json()["data"]
    assert (response.status_code, after["status"], after["reason"]) == (
        200,
        "cancelled",
        "requested",
    )
    event = published()[-1]
    assert event.type == "order.cancelled.v1"
    assert event.data == {
        "order_id": order["id"],
        "customer_id": order["customer_id"],
        "number": order["number"],
        "reason": "requested",
    }


def test_staff_can_cancel_for_a_customer(shop: Any) -> None:
    order = shop.place(1)

    response = shop.post_as(shop.staff, f"/{order['id']}/cancel")

    assert response.get_json()["data"]["status"] == "cancelled"


def test_cancel_after_shipping_is_refused(shop: Any, types: Any) -> None:
    order = shop.shipped()
    before = types()

    response = shop.post(f"/{order['id']}/cancel")

    assert (response.status_code, response.get_json()["code"]) == (409, "orders.cancel_refused")
    assert shop.order(order["id"]) == order
    assert types() == before


def test_a_repeated_cancel_with_a_key_replays_the_answer(shop: Any, types: Any) -> None:
    order = shop.place(1)

    first = shop.post(f"/{order['id']}/cancel", key="k")
    second = shop.post(f"/{order['id']}/cancel", key="k")

    assert first.get_json()["data"] == second.get_json()["data"]
    assert types() == ["order.placed.v1", "order.cancelled.v1"]


def test_a_paid_order_is_shipped_and_delivered(shop: Any, published: Any) -> None:
    order = shop.placed_and_paid()

    body = {"carrier": "DHL", "tracking_number": "JD0123"}
    shipped = shop.post_as(shop.staff, f"/{order['id']}/ship", body).get_json()["data"]
    delivered = shop.post_as(shop.staff, f"/{order['id']}/deliver").get_json()["data"]

    assert (shipped["status"], shipped["carrier"], shipped["tracking_number"]) == (
        "shipped",
        "DHL",
        "JD0123",
    )
    assert delivered["status"] == "delivered"
    whose = {"order_id": order["id"], "customer_id": order["customer_id"]}
    assert [(event.type, event.data) for event in published()[-2:]] == [
        ("order.shipped.v1", {**whose, "number": order["number"], **body}),
        ("order.delivered.v1", whose),
    ]


@pytest.mark.parametrize(
    ("action", "code"), [("ship", "orders.ship_refused"), ("deliver", "orders.deliver_refused")]
)
def test_an_unpaid_order_is_neither_shipped_nor_delivered(
    shop: Any, types: Any, action: str, code: str
) -> None:
    order = shop.placed_and_reserved()
    before = types()

    response = shop.post_as(shop.staff, f"/{order['id']}/{action}")

    assert (response.status_code, response.get_json()["code"]) == (409, code)
    assert shop.order(order["id"]) == order
    assert types() == before


def sweep(app: Any) -> int:
    with app.app_context(), transaction() as session:
        return expire_due_orders(session)


def test_an_order_that_is_not_paid_in_time_expires(
    shop: Any, app: Any, clock: Any, published: Any
) -> None:
    order = shop.placed_and_reserved()
    clock.move(899)
    assert sweep(app) == 0
    clock.move(2)

    assert sweep(app) == 1

    after = shop.order(order["id"])
    assert (after["status"], after["reason"], after["expires_at"]) == (
        "expired",
        "not_paid_in_time",
        None,
    )
    event = published()[-1]
    assert event.type == "order.expired.v1"
    whose = {"order_id": order["id"], "customer_id": order["customer_id"]}
    assert event.data == {**whose, "number": order["number"]}


def test_a_pending_order_waits_for_product_service_for_a_day(
    shop: Any, app: Any, clock: Any
) -> None:
    order = shop.place(1)
    clock.move(86_399)
    assert sweep(app) == 0
    clock.move(2)

    assert sweep(app) == 1

    after = shop.order(order["id"])
    assert (after["status"], after["reason"]) == ("expired", "stock_not_answered")


def test_a_paid_order_never_expires(shop: Any, app: Any, clock: Any) -> None:
    order = shop.placed_and_paid()
    clock.move(10 * 86_400)

    assert sweep(app) == 0
    assert shop.order(order["id"])["status"] == "paid"


def test_the_task_ends_more_orders_than_one_batch_holds(shop: Any, app: Any, clock: Any) -> None:
    from order_service.tasks import expire_orders

    orders = [shop.place(1) for _ in range(EXPIRY_BATCH + 1)]
    clock.move(86_401)

    with app.app_context():
        expire_orders()

    assert {shop.order(order["id"])["status"] for order in orders} == {"expired"}
