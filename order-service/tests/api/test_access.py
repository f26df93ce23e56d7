"""Who may see and do what. Somebody else's order does not exist."""

from typing import Any

import pytest

# Fixed, so that several processes of a test run name the tests alike.
SOMEBODYS = "0190f000-0000-7000-8000-00000000000a"
OWNERS_ROUTES = [("GET", ""), ("GET", "?expand=payment"), ("POST", "/cancel")]
STAFF_ROUTES = [("POST", "/ship"), ("POST", "/deliver"), ("POST", "/refunds")]
ALL_ROUTES = [
    ("GET", ""),
    ("POST", ""),
    ("GET", "/cart"),
    ("DELETE", "/cart"),
    ("POST", "/cart/items"),
    ("PATCH", f"/cart/items/{SOMEBODYS}"),
    ("DELETE", f"/cart/items/{SOMEBODYS}"),
    ("GET", "/audit"),
    *[(method, f"/{SOMEBODYS}{rest}") for method, rest in OWNERS_ROUTES + STAFF_ROUTES],
]


@pytest.mark.parametrize(("method", "path"), OWNERS_ROUTES)
def test_somebody_elses_order_is_not_found(
    shop: Any, open_shop: Any, app: Any, types: Any, method: str, path: str
) -> None:
    order = shop.place(1)
    other = open_shop(app)

    response = other.client.open(
        f"/api/orders/{order['id']}{path}", method=method, json={}, headers=other.headers
    )

    assert (response.status_code, response.get_json()["code"]) == (404, "orders.not_found")
    assert shop.order(order["id"]) == order
    assert types() == ["order.placed.v1"]


@pytest.mark.parametrize(("method", "path"), STAFF_ROUTES)
def test_what_staff_does_is_forbidden_to_customers(
    shop: Any, types: Any, method: str, path: str
) -> None:
    order = shop.placed_and_paid()
    before = types()

    response = shop.post(f"/{order['id']}{path}", {"amount": 1, "reason": "mine"}, key="k")

    assert (response.status_code, response.get_json()["code"]) == (403, "forbidden")
    assert shop.order(order["id"]) == order
    assert types() == before


@pytest.mark.parametrize(("method", "path"), ALL_ROUTES)
def test_nothing_is_open_to_strangers(shop: Any, method: str, path: str) -> None:
    response = shop.client.open(f"/api/orders{path}", method=method, json={})

    assert (response.status_code, response.get_json()["code"]) == (401, "unauthorized")


def test_the_audit_is_for_admins(shop: Any) -> None:
    assert shop.get("/audit").status_code == 403
    assert shop.get("/audit", shop.staff).status_code == 403
    assert shop.get("/audit", shop.admin).status_code == 200


def test_staff_sees_everybodys_order(shop: Any) -> None:
    order = shop.place(1)

    assert shop.get(f"/{order['id']}", shop.staff).get_json()["data"]["id"] == order["id"]
