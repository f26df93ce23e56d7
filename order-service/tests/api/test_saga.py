"""What an order makes of the messages of product- and payment-service."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest


def last(order: dict[str, Any]) -> tuple[str, str]:
    entry = order["timeline"][-1]
    return entry["event"], entry["outcome"]


def test_a_reservation_prices_the_order(shop: Any, published: Any, clock: Any) -> None:
    order = shop.placed_and_reserved(2, 1, price=250)

    assert order["status"] == "awaiting_payment"
    assert order["total"] == {"amount": 750, "currency": "GBP"}
    assert [
        (item["sku"], item["name"], item["unit_price"], item["line_total"])
        for item in order["items"]
    ] == [("SKU-1", "Product 1", 250, 500), ("SKU-2", "Product 2", 250, 250)]
    event = published()[-1]
    assert event.type == "order.awaiting_payment.v1"
    assert (event.data["amount"], event.data["currency"]) == (750, "GBP")
    deadline = datetime.fromisoformat(event.data["expires_at"])
    assert timedelta(seconds=890) < deadline - clock.now() <= timedelta(seconds=900)


def test_an_order_expires_with_its_reservation_if_that_is_sooner(shop: Any, clock: Any) -> None:
    order = shop.place(1)

    shop.send("stock.reserved.v1", shop.messages.stock_reserved(order, hold=100))

    deadline = datetime.fromisoformat(shop.order(order["id"])["expires_at"])
    assert deadline - clock.now() <= timedelta(seconds=100)


def test_a_reservation_whose_total_is_wrong_goes_to_the_dead_letters(shop: Any, types: Any) -> None:
    order = shop.place(1)
    wrong = {**shop.messages.stock_reserved(order), "total": 1}

    with pytest.raises(Exception, match="not the sum"):
        shop.send("stock.reserved.v1", wrong)

    assert shop.order(order["id"])["status"] == "pending"
    assert types() == ["order.placed.v1"]


def test_a_rejection_ends_the_order_with_its_reason(shop: Any, published: Any) -> None:
    order = shop.place(2)
    rejection = shop.messages.stock_rejected(order, "out_of_stock")

    shop.send("stock.rejected.v1", rejection)

    order = shop.order(order["id"])
    assert (order["status"], order["reason"], order["expires_at"]) == (
        "rejected",
        "out_of_stock",
        None,
    )
    event = published()[-1]
    assert event.type == "order.rejected.v1"
    assert event.data["items"] == rejection["items"]


def test_a_payment_settles_the_order(shop: Any, published: Any) -> None:
    order = shop.placed_and_reserved()

    payment_id = shop.pay(order)

    order = shop.order(order["id"])
    assert (order["status"], order["payment_id"]) == ("paid", payment_id)
    event = published()[-1]
    assert event.type == "order.paid.v1"
    assert event.data == {
        "order_id": order["id"],
        "customer_id": order["customer_id"],
        "number": order["number"],
        "payment_id": payment_id,
        "amount": 750,
        "currency": "GBP",
    }


def test_a_free_order_is_paid_and_cancelled_without_a_refund(shop: Any, types: Any) -> None:
    order = shop.placed_and_paid(2, price=0)
    assert (order["status"], order["total"]["amount"]) == ("paid", 0)

    response = shop.post(f"/{order['id']}/cancel")

    assert response.get_json()["data"]["status"] == "cancelled"
    assert "refund.requested.v1" not in types()


def test_a_failed_payment_leaves_the_order_payable(shop: Any, types: Any) -> None:
    order = shop.placed_and_reserved()

    shop.send("payment.failed.v1", shop.messages.payment_failed(order))

    order = shop.order(order["id"])
    assert (order["status"], last(order)) == ("awaiting_payment", ("payment_failed", "noted"))
    assert order["timeline"][-1]["detail"]["code"] == "card_declined"
    assert types()[-1] == "order.awaiting_payment.v1"


def test_an_expired_reservation_ends_an_unpaid_order(shop: Any, types: Any) -> None:
    order = shop.placed_and_reserved()

    shop.send("stock.released.v1", shop.messages.stock_released(order))

    order = shop.order(order["id"])
    assert (order["status"], order["reason"]) == ("expired", "reservation_expired")
    assert types()[-1] == "order.expired.v1"


def test_a_lost_reservation_of_a_paid_order_is_refunded(shop: Any, published: Any) -> None:
    order = shop.placed_and_paid()

    rejection = shop.messages.stock_rejected(order, "reservation_lost")
    shop.send("stock.rejected.v1", rejection)

    after = shop.order(order["id"])
    assert (after["status"], after["reason"]) == ("cancelled", "reservation_lost")
    cancelled, refund = published()[-2:]
    assert (cancelled.type, cancelled.data["reason"]) == ("order.cancelled.v1", "reservation_lost")
    assert (refund.type, refund.subject) == ("refund.requested.v1", order["id"])
    assert refund.data == {
        "refund_id": after["refunds"][0]["id"],
        "order_id": order["id"],
        "payment_id": order["payment_id"],
        "amount": 750,
        "currency": "GBP",
        "reason": "reservation_lost",
    }


@pytest.mark.parametrize("end", ["cancelled", "expired", "rejected"])
def test_a_payment_for_a_dead_order_is_refunded(shop: Any, published: Any, end: str) -> None:
    order = shop.place(3)
    if end == "rejected":
        shop.send("stock.rejected.v1", shop.messages.stock_rejected(order))
    elif end == "cancelled":
        shop.post(f"/{order['id']}/cancel")
    else:
        shop.send("stock.reserved.v1", shop.messages.stock_reserved(order))
        shop.send("stock.released.v1", shop.messages.stock_released(order))

    payment_id = shop.pay(order, amount=750)

    after = shop.order(order["id"])
    assert (after["status"], after["payment_id"]) == (end, None)
    event = published()[-1]
    assert event.type == "refund.requested.v1"
    assert (event.data["payment_id"], event.data["amount"], event.data["reason"]) == (
        payment_id,
        750,
        "late_payment",
    )


def test_a_second_payment_is_refunded_and_the_first_one_counts(shop: Any, published: Any) -> None:
    order = shop.placed_and_paid()

    second = shop.pay(order)

    after = shop.order(order["id"])
    assert (after["status"], after["payment_id"]) == ("paid", order["payment_id"])
    [refund] = [event for event in published() if event.type == "refund.requested.v1"]
    assert (refund.data["payment_id"], refund.data["amount"]) == (second, 750)


def test_a_payment_of_another_amount_is_refunded(shop: Any, published: Any) -> None:
    order = shop.placed_and_reserved()

    payment_id = shop.pay(order, amount=749)

    after = shop.order(order["id"])
    assert (after["status"], last(after)) == ("awaiting_payment", ("payment_unusable", "noted"))
    event = published()[-1]
    assert (event.type, event.data["payment_id"], event.data["amount"]) == (
        "refund.requested.v1",
        payment_id,
        749,
    )


def test_a_message_that_is_delivered_twice_has_its_effect_once(shop: Any, types: Any) -> None:
    order = shop.place(1)
    event_id, reserved = uuid4(), shop.messages.stock_reserved(order)
    shop.send("stock.reserved.v1", reserved, event_id=event_id)
    before = shop.order(order["id"])

    shop.send("stock.reserved.v1", reserved, event_id=event_id)

    assert shop.order(order["id"]) == before
    assert types().count("order.awaiting_payment.v1") == 1


def test_the_same_payment_told_twice_is_not_refunded(shop: Any, types: Any) -> None:
    order = shop.placed_and_reserved()
    payment_id = shop.pay(order)

    shop.pay(order, payment_id=payment_id)

    after = shop.order(order["id"])
    assert (after["status"], last(after)) == ("paid", ("payment_repeated", "ignored"))
    assert "refund.requested.v1" not in types()


def test_a_late_reservation_does_not_wake_a_cancelled_order(shop: Any, types: Any) -> None:
    order = shop.place(1)
    shop.post(f"/{order['id']}/cancel")

    shop.send("stock.reserved.v1", shop.messages.stock_reserved(order))

    after = shop.order(order["id"])
    assert (after["status"], last(after)) == ("cancelled", ("stock_reserved", "ignored"))
    assert after["total"] is None
    assert types() == ["order.placed.v1", "order.cancelled.v1"]


def test_messages_about_unknown_orders_are_dropped(shop: Any, types: Any) -> None:
    unknown = {"id": str(uuid4()), "customer_id": str(uuid4()), "items": []}
    messages = shop.messages

    shop.send("stock.reserved.v1", messages.stock_reserved(unknown))
    shop.send("stock.rejected.v1", messages.stock_rejected(unknown))
    shop.send("stock.released.v1", messages.stock_released(unknown))
    shop.send("payment.succeeded.v1", messages.payment_succeeded(unknown, amount=1))
    shop.send("payment.failed.v1", messages.payment_failed(unknown))
    refunded = messages.payment_refunded(unknown, payment_id=str(uuid4()), amount=1)
    shop.send("payment.refunded.v1", refunded)

    assert types() == []
