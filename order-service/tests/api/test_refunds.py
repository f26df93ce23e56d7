"""Money on its way back, asked for by staff or caused by a cancellation."""

from typing import Any
from uuid import uuid4

import pytest


def requested(published: Any) -> list[tuple[str, int]]:
    return [
        (event.data["refund_id"], event.data["amount"])
        for event in published()
        if event.type == "refund.requested.v1"
    ]


def ask(shop: Any, order: dict[str, Any], amount: int, key: str = "") -> Any:
    body = {"amount": amount, "reason": "damaged"}
    return shop.post_as(shop.staff, f"/{order['id']}/refunds", body, key=key or str(uuid4()))


def complete(shop: Any, order: dict[str, Any], refund_id: str, amount: int) -> None:
    data = shop.messages.payment_refunded(
        order, payment_id=order["payment_id"], amount=amount, refund_id=refund_id
    )
    shop.send("payment.refunded.v1", data)


def test_a_refund_is_requested_and_completed(shop: Any, published: Any) -> None:
    order = shop.placed_and_paid()

    response = ask(shop, order, 300)

    refund = response.get_json()["data"]
    assert response.status_code == 202
    assert response.headers["Location"] == f"/api/orders/{order['id']}"
    assert (refund["status"], refund["amount"], refund["currency"]) == ("requested", 300, "GBP")
    assert requested(published) == [(refund["id"], 300)]

    complete(shop, order, refund["id"], 300)

    after = shop.order(order["id"])
    assert (after["status"], after["refunded_amount"]) == ("paid", 300)
    assert [(r["status"], r["amount"]) for r in after["refunds"]] == [("completed", 300)]


def test_an_order_refunded_in_full_is_refunded(shop: Any) -> None:
    order = shop.shipped()
    first = ask(shop, order, 700).get_json()["data"]["id"]
    second = ask(shop, order, 50).get_json()["data"]["id"]
    complete(shop, order, first, 700)
    assert shop.order(order["id"])["status"] == "shipped"

    complete(shop, order, second, 50)

    after = shop.order(order["id"])
    assert (after["status"], after["refunded_amount"]) == ("refunded", 750)


def test_never_more_than_was_paid_is_refunded(shop: Any, published: Any) -> None:
    order = shop.placed_and_paid()
    ask(shop, order, 700)
    before = shop.order(order["id"])

    response = ask(shop, order, 51)

    assert (response.status_code, response.get_json()["code"]) == (
        409,
        "orders.refund_exceeds_paid",
    )
    assert shop.order(order["id"]) == before
    assert len(requested(published)) == 1


def test_an_unpaid_order_has_nothing_to_refund(shop: Any, published: Any) -> None:
    order = shop.placed_and_reserved()

    response = ask(shop, order, 1)

    assert (response.status_code, response.get_json()["code"]) == (409, "orders.refund_refused")
    assert shop.order(order["id"]) == order
    assert requested(published) == []


def test_a_repeated_request_is_one_refund(shop: Any, published: Any) -> None:
    order = shop.placed_and_paid()

    first, second = ask(shop, order, 100, key="k"), ask(shop, order, 100, key="k")

    assert first.get_json()["data"] == second.get_json()["data"]
    assert len(requested(published)) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"reason": "x"}, "amount"),
        ({"amount": 0, "reason": "x"}, "amount"),
        ({"amount": -5, "reason": "x"}, "amount"),
        ({"amount": 1.5, "reason": "x"}, "amount"),
        ({"amount": 1}, "reason"),
        ({"amount": 1, "reason": " "}, "reason"),
        ({"amount": 1, "reason": "x", "payment_id": "y"}, "payment_id"),
    ],
)
def test_bad_input_refunds_nothing(
    shop: Any, published: Any, body: dict[str, Any], field: str
) -> None:
    order = shop.placed_and_paid()

    response = shop.post_as(shop.staff, f"/{order['id']}/refunds", body, key="k")

    assert response.status_code == 422
    assert [error["field"] for error in response.get_json()["errors"]] == [field]
    assert requested(published) == []


def test_cancelling_a_paid_order_refunds_what_is_left(shop: Any, published: Any) -> None:
    order = shop.placed_and_paid()
    ask(shop, order, 200)

    response = shop.post(f"/{order['id']}/cancel", {"reason": "Changed my mind"})

    after = response.get_json()["data"]
    assert (response.status_code, after["status"]) == (200, "cancelled")
    assert after["reason"] == "Changed my mind"
    assert [amount for _, amount in requested(published)] == [200, 550]
    [cancelled] = [event for event in published() if event.type == "order.cancelled.v1"]
    assert cancelled.data["reason"] == "requested"


def test_a_cancelled_order_stays_cancelled_when_its_refund_completes(
    shop: Any, published: Any
) -> None:
    order = shop.placed_and_paid()
    shop.post(f"/{order['id']}/cancel")
    [(refund_id, amount)] = requested(published)

    complete(shop, order, refund_id, amount)

    after = shop.order(order["id"])
    assert (after["status"], after["refunded_amount"]) == ("cancelled", 750)


def test_a_completed_refund_counts_once(shop: Any, published: Any) -> None:
    order = shop.placed_and_paid()
    refund_id = ask(shop, order, 300).get_json()["data"]["id"]

    complete(shop, order, refund_id, 300)
    complete(shop, order, refund_id, 300)

    after = shop.order(order["id"])
    assert after["refunded_amount"] == 300
    assert after["timeline"][-1]["event"] == "refund_repeated"


def test_a_refund_made_at_the_payment_is_taken_over(shop: Any) -> None:
    order = shop.placed_and_paid()

    complete(shop, order, str(uuid4()), 750)

    after = shop.order(order["id"])
    assert (after["status"], after["refunded_amount"]) == ("refunded", 750)


def test_a_refund_at_the_payment_supersedes_a_request_that_no_longer_fits(
    shop: Any, published: Any
) -> None:
    order = shop.placed_and_paid()
    shop.post(f"/{order['id']}/cancel")
    [(first, _)] = requested(published)

    complete(shop, order, str(uuid4()), 50)

    after = shop.order(order["id"])
    statuses = {refund["id"]: refund["status"] for refund in after["refunds"]}
    assert statuses[first] == "superseded"
    assert [amount for _, amount in requested(published)] == [750, 700]
    assert after["refunded_amount"] == 50


def test_a_refund_told_before_its_payment_is_counted_with_it(shop: Any, types: Any) -> None:
    order = shop.placed_and_reserved()
    order["payment_id"] = str(uuid4())
    complete(shop, order, str(uuid4()), 100)
    assert shop.order(order["id"])["refunded_amount"] == 0

    shop.pay(order, payment_id=order["payment_id"])

    after = shop.order(order["id"])
    assert (after["status"], after["refunded_amount"]) == ("paid", 100)


def test_a_payment_that_was_given_back_already_does_not_pay(shop: Any, types: Any) -> None:
    order = shop.placed_and_reserved()
    order["payment_id"] = str(uuid4())
    complete(shop, order, str(uuid4()), 750)

    shop.pay(order, payment_id=order["payment_id"])

    after = shop.order(order["id"])
    assert (after["status"], after["refunded_amount"]) == ("awaiting_payment", 750)
    assert "order.paid.v1" not in types()
    assert "refund.requested.v1" not in types()
