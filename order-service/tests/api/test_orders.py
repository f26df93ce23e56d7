"""Placing and reading orders."""

from typing import Any
from uuid import UUID, uuid4

import pytest


def test_an_order_is_accepted_with_nothing_but_the_own_database(shop: Any, published: Any) -> None:
    product = str(uuid4())

    response = shop.post("", {"items": [{"product_id": product, "quantity": 3}]}, key="k-1")

    order = response.get_json()["data"]
    assert response.status_code == 202
    assert response.headers["Location"] == f"/api/orders/{order['id']}"
    assert order["status"] == "pending"
    assert order["customer_id"] == str(shop.customer_id)
    assert order["total"] is None
    assert order["items"] == [
        {
            "product_id": product,
            "quantity": 3,
            "sku": None,
            "name": None,
            "unit_price": None,
            "line_total": None,
        }
    ]
    assert [entry["event"] for entry in order["timeline"]] == ["placed"]
    [event] = published()
    assert (event.type, event.subject) == ("order.placed.v1", order["id"])
    assert event.data == {
        "order_id": order["id"],
        "customer_id": str(shop.customer_id),
        "items": [{"product_id": product, "quantity": 3}],
        "expected_total": None,
    }


def test_everything_that_came_with_the_order_is_kept(shop: Any, published: Any) -> None:
    address = {
        "recipient": "Ada Lovelace",
        "line1": "12 St James's Square",
        "city": "London",
        "postal_code": "SW1Y 4JH",
        "country": "GB",
    }

    order = shop.place(
        1,
        expected_total={"amount": 999, "currency": "GBP"},
        shipping_address=address,
        note="Ring twice",
    )

    assert (order["note"], order["shipping_address"]) == ("Ring twice", address)
    [event] = published()
    assert event.data["expected_total"] == {"amount": 999, "currency": "GBP"}
    assert "shipping_address" not in event.data


def test_lines_of_one_product_are_merged(shop: Any) -> None:
    product, other = str(uuid4()), str(uuid4())
    items = [
        {"product_id": product, "quantity": 2},
        {"product_id": other, "quantity": 1},
        {"product_id": product, "quantity": 5},
    ]

    order = shop.post("", {"items": items}, key="k").get_json()["data"]

    lines = [(item["product_id"], item["quantity"]) for item in order["items"]]
    assert lines == [(product, 7), (other, 1)]


def test_a_thousand_lines_are_accepted_and_one_more_is_not(shop: Any, types: Any) -> None:
    assert len(shop.place(*[1] * 1000)["items"]) == 1000

    items = [{"product_id": str(uuid4()), "quantity": 1} for _ in range(1001)]
    response = shop.post("", {"items": items}, key="too many")

    assert response.status_code == 422
    assert response.get_json()["errors"][0]["field"] == "items"
    assert types() == ["order.placed.v1"]


def test_merged_lines_of_too_many_units_are_refused(shop: Any, types: Any) -> None:
    item = {"product_id": str(uuid4()), "quantity": 1_000_000}

    response = shop.post("", {"items": [item, item]}, key="k")

    assert (response.status_code, response.get_json()["code"]) == (
        422,
        "orders.quantity_too_large",
    )
    assert types() == []


def test_order_numbers_differ_and_can_be_read_out(shop: Any) -> None:
    numbers = {shop.place(1)["number"] for _ in range(5)}

    assert len(numbers) == 5
    for number in numbers:
        assert len(number) == 11 and number[5] == "-"
        assert not set(number) & set("ILOU")


ITEM = {"product_id": "018f2f5e-7b1a-7cc0-8000-000000000001", "quantity": 1}
BAD_BODIES = {
    "nothing": ({}, "items"),
    "both sources": ({"items": [ITEM], "from_cart": True}, "items"),
    "no items": ({"items": []}, "items"),
    "items no list": ({"items": ITEM}, "items"),
    "item null": ({"items": [None]}, "items.0"),
    "unknown field": ({"items": [ITEM], "total": 1}, "total"),
    "price from the client": ({"items": [{**ITEM, "unit_price": 1}]}, "items.0.unit_price"),
    "quantity zero": ({"items": [{**ITEM, "quantity": 0}]}, "items.0.quantity"),
    "quantity negative": ({"items": [{**ITEM, "quantity": -1}]}, "items.0.quantity"),
    "quantity huge": ({"items": [{**ITEM, "quantity": 10**9}]}, "items.0.quantity"),
    "quantity beyond bigint": ({"items": [{**ITEM, "quantity": 10**30}]}, "items.0.quantity"),
    "quantity text": ({"items": [{**ITEM, "quantity": "1"}]}, "items.0.quantity"),
    "quantity float": ({"items": [{**ITEM, "quantity": 1.5}]}, "items.0.quantity"),
    "quantity bool": ({"items": [{**ITEM, "quantity": True}]}, "items.0.quantity"),
    "no product": ({"items": [{"quantity": 1}]}, "items.0.product_id"),
    "product no uuid": ({"items": [{**ITEM, "product_id": "1; drop"}]}, "items.0.product_id"),
    "from_cart text": ({"from_cart": "yes"}, "from_cart"),
    "note with NUL": ({"items": [ITEM], "note": "a\x00b"}, "note"),
    "note surrogate": ({"items": [ITEM], "note": "\ud800"}, "note"),
    "note long": ({"items": [ITEM], "note": "x" * 501}, "note"),
    "expected currency": (
        {"items": [ITEM], "expected_total": {"amount": 1, "currency": "XXX"}},
        "expected_total.currency",
    ),
    "expected negative": (
        {"items": [ITEM], "expected_total": {"amount": -1, "currency": "GBP"}},
        "expected_total.amount",
    ),
    "address incomplete": (
        {"items": [ITEM], "shipping_address": {"recipient": "A"}},
        "shipping_address.city",
    ),
}


@pytest.mark.parametrize(("body", "field"), BAD_BODIES.values(), ids=BAD_BODIES.keys())
def test_bad_input_is_refused_with_its_field(
    shop: Any, types: Any, body: dict[str, Any], field: str
) -> None:
    response = shop.post("", body, key="k")

    assert response.status_code == 422, response.get_json()
    assert field in [error["field"] for error in response.get_json()["errors"]]
    assert types() == []
    assert shop.get("").get_json()["data"] == []


def test_an_order_without_idempotency_key_is_refused(shop: Any, types: Any) -> None:
    response = shop.post("", {"items": [ITEM]})

    assert (response.status_code, response.get_json()["code"]) == (400, "idempotency_key_required")
    assert types() == []


def test_the_same_key_and_body_replays_the_first_answer(shop: Any, types: Any) -> None:
    first = shop.post("", {"items": [ITEM]}, key="same")
    second = shop.post("", {"items": [ITEM]}, key="same")

    assert second.status_code == 202
    assert second.get_json()["data"] == first.get_json()["data"]
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.headers["Location"] == first.headers["Location"]
    assert types() == ["order.placed.v1"]


def test_the_same_key_with_another_body_is_refused(shop: Any, types: Any) -> None:
    shop.post("", {"items": [ITEM]}, key="same")

    response = shop.post("", {"items": [{**ITEM, "quantity": 2}]}, key="same")

    assert (response.status_code, response.get_json()["code"]) == (422, "idempotency_key_reused")
    assert types() == ["order.placed.v1"]


def test_two_customers_can_use_the_same_key(shop: Any, open_shop: Any, app: Any) -> None:
    first = shop.post("", {"items": [ITEM]}, key="same").get_json()["data"]
    second = open_shop(app).post("", {"items": [ITEM]}, key="same").get_json()["data"]

    assert first["id"] != second["id"]


def test_prefer_wait_answers_at_once_when_the_order_is_settled(shop: Any) -> None:
    order = shop.place(1)
    shop.send("stock.rejected.v1", shop.messages.stock_rejected(order))
    body = {"items": [ITEM]}
    first = shop.post("", body, key="k").get_json()["data"]
    shop.send("stock.reserved.v1", shop.messages.stock_reserved(first))

    response = shop.post("", body, key="k", Prefer="wait=5")

    assert response.status_code == 200
    assert response.get_json()["data"]["status"] == "awaiting_payment"
    assert response.headers["Preference-Applied"] == "wait=5"


def test_prefer_wait_keeps_the_202_of_an_order_that_stays_pending(shop: Any) -> None:
    response = shop.post("", {"items": [ITEM]}, key="k", Prefer="wait=1")

    assert response.status_code == 202
    assert response.get_json()["data"]["status"] == "pending"


def test_an_order_is_shown_with_its_timeline(shop: Any) -> None:
    placed = shop.placed_and_paid()

    order = shop.get(f"/{placed['id']}").get_json()["data"]

    assert order["total"] == {"amount": 750, "currency": "GBP"}
    assert [(entry["from"], entry["to"], entry["event"]) for entry in order["timeline"]] == [
        (None, "pending", "placed"),
        ("pending", "awaiting_payment", "stock_reserved"),
        ("awaiting_payment", "paid", "payment_succeeded"),
    ]
    assert order["version"] == 3
    assert UUID(order["payment_id"])


def test_an_unknown_order_is_not_found(shop: Any) -> None:
    response = shop.get(f"/{uuid4()}")

    assert (response.status_code, response.get_json()["code"]) == (404, "orders.not_found")
