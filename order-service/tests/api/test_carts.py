from typing import Any
from uuid import uuid4

import pytest


def cart(shop: Any) -> list[tuple[str, int]]:
    data = shop.get("/cart").get_json()["data"]
    return [(item["product_id"], item["quantity"]) for item in data["items"]]


def add(shop: Any, product: str, quantity: int, **headers: str) -> Any:
    return shop.post("/cart/items", {"product_id": product, "quantity": quantity}, **headers)


def test_a_new_customer_has_an_empty_cart(shop: Any) -> None:
    assert cart(shop) == []


def test_products_are_added_changed_and_removed(shop: Any) -> None:
    first, second = str(uuid4()), str(uuid4())
    add(shop, first, 2)
    add(shop, second, 1)
    add(shop, first, 3)
    assert cart(shop) == [(first, 5), (second, 1)]

    changed = shop.client.patch(
        f"/api/orders/cart/items/{first}", json={"quantity": 7}, headers=shop.headers
    )
    assert (changed.status_code, cart(shop)) == (200, [(first, 7), (second, 1)])

    removed = shop.client.delete(f"/api/orders/cart/items/{first}", headers=shop.headers)
    assert (removed.status_code, cart(shop)) == (200, [(second, 1)])

    cleared = shop.client.delete("/api/orders/cart", headers=shop.headers)
    assert (cleared.status_code, cart(shop)) == (200, [])


def test_a_cart_belongs_to_one_customer(shop: Any, open_shop: Any, app: Any) -> None:
    add(shop, str(uuid4()), 1)

    assert cart(open_shop(app)) == []


def test_a_repeated_request_with_a_key_adds_once(shop: Any) -> None:
    product = str(uuid4())

    add(shop, product, 2, key="k")
    add(shop, product, 2, key="k")

    assert cart(shop) == [(product, 2)]


def test_a_full_cart_refuses_another_product(shop: Any, use_settings: Any) -> None:
    use_settings(cart_max_lines=1)
    product = str(uuid4())
    add(shop, product, 1)

    response = add(shop, str(uuid4()), 1)

    assert (response.status_code, response.get_json()["code"]) == (409, "orders.cart_full")
    assert cart(shop) == [(product, 1)]


def test_what_is_not_in_the_cart_is_not_found(shop: Any) -> None:
    url = f"/api/orders/cart/items/{uuid4()}"

    changed = shop.client.patch(url, json={"quantity": 1}, headers=shop.headers)
    removed = shop.client.delete(url, headers=shop.headers)

    assert (changed.status_code, changed.get_json()["code"]) == (404, "orders.not_in_cart")
    assert (removed.status_code, removed.get_json()["code"]) == (404, "orders.not_in_cart")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"quantity": 1}, "product_id"),
        ({"product_id": "x", "quantity": 1}, "product_id"),
        ({"product_id": str(uuid4()), "quantity": 0}, "quantity"),
        ({"product_id": str(uuid4()), "quantity": 1_000_001}, "quantity"),
        ({"product_id": str(uuid4()), "quantity": 1.0}, "quantity"),
        ({"product_id": str(uuid4()), "quantity": 1, "price": 1}, "price"),
    ],
)
def test_bad_input_changes_nothing(shop: Any, body: dict[str, Any], field: str) -> None:
    response = shop.post("/cart/items", body)

    assert response.status_code == 422
    assert [error["field"] for error in response.get_json()["errors"]] == [field]
    assert cart(shop) == []


def test_an_order_from_the_cart_empties_it(shop: Any, types: Any) -> None:
    first, second = str(uuid4()), str(uuid4())
    add(shop, first, 2)
    add(shop, second, 1)

    response = shop.post("", {"from_cart": True}, key="k")

    items = response.get_json()["data"]["items"]
    assert response.status_code == 202
    assert [(item["product_id"], item["quantity"]) for item in items] == [(first, 2), (second, 1)]
    assert cart(shop) == []
    assert types() == ["order.placed.v1"]


def test_a_replayed_order_leaves_a_cart_filled_again_alone(shop: Any, types: Any) -> None:
    product = str(uuid4())
    add(shop, product, 2)
    shop.post("", {"from_cart": True}, key="k")
    add(shop, product, 1)

    response = shop.post("", {"from_cart": True}, key="k")

    assert response.headers["Idempotent-Replayed"] == "true"
    assert cart(shop) == [(product, 1)]
    assert types() == ["order.placed.v1"]


def test_an_empty_cart_cannot_be_ordered(shop: Any, types: Any) -> None:
    response = shop.post("", {"from_cart": True}, key="k")

    assert (response.status_code, response.get_json()["code"]) == (409, "orders.cart_empty")
    assert types() == []


def test_an_order_of_items_leaves_the_cart_alone(shop: Any) -> None:
    product = str(uuid4())
    add(shop, product, 1)

    shop.place(1)

    assert cart(shop) == [(product, 1)]
