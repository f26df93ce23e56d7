"""Stock adjustments and the ledger."""

import pytest


def adjust(client, staff, product, quantity, reason="count", key="k-1"):
    return client.post(
        f"/api/products/{product['id']}/stock/adjustments",
        json={"quantity": quantity, "reason": reason},
        headers={**staff, "Idempotency-Key": key},
    )


def ledger(client, staff, product):
    answer = client.get(f"/api/products/{product['id']}/stock/movements", headers=staff)
    assert answer.status_code == 200
    return [(entry["kind"], entry["quantity"], entry["reason"]) for entry in answer.json["data"]]


def test_an_adjustment_is_an_entry_of_the_ledger(client, staff, make_product, read):
    product = make_product(stock=5)
    answer = adjust(client, staff, product, -2, "broken in transit")
    assert answer.status_code == 201
    assert (answer.json["data"]["kind"], answer.json["data"]["quantity"]) == ("adjustment", -2)
    assert answer.json["data"]["actor_id"] is not None
    assert read(product)["on_hand"] == 3
    assert ledger(client, staff, product) == [
        ("adjustment", -2, "broken in transit"),
        ("initial", 5, "opening stock"),
    ]


def test_an_adjustment_sent_twice_counts_once(client, staff, make_product, read):
    product = make_product(stock=5)
    first, again = (adjust(client, staff, product, 3) for _ in range(2))
    assert again.headers["Idempotent-Replayed"] == "true"
    assert first.json["data"]["id"] == again.json["data"]["id"]
    assert read(product)["on_hand"] == 8


def test_an_adjustment_needs_a_key(client, staff, make_product, read):
    product = make_product(stock=5)
    answer = client.post(
        f"/api/products/{product['id']}/stock/adjustments",
        json={"quantity": 1, "reason": "x"},
        headers=staff,
    )
    assert (answer.status_code, answer.json["code"]) == (400, "idempotency_key_required")
    assert read(product)["on_hand"] == 5


def test_reserved_units_cannot_be_adjusted_away(client, staff, make_product, read, place):
    product = make_product(stock=5)
    place((product, 3))
    answer = adjust(client, staff, product, -3)
    assert (answer.status_code, answer.json["code"]) == (409, "products.insufficient_stock")
    assert (read(product)["on_hand"], read(product)["reserved"]) == (5, 3)
    assert len(ledger(client, staff, product)) == 1
    assert adjust(client, staff, product, -2, key="k-2").status_code == 201
    assert (read(product)["on_hand"], read(product)["available"]) == (3, 0)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"quantity": 0, "reason": "x"}, "quantity"),
        ({"quantity": 1.5, "reason": "x"}, "quantity"),
        ({"quantity": True, "reason": "x"}, "quantity"),
        ({"quantity": "3", "reason": "x"}, "quantity"),
        ({"quantity": 2**63, "reason": "x"}, "quantity"),
        ({"quantity": 1_000_000_000, "reason": "x"}, "quantity"),
        ({"quantity": 1}, "reason"),
        ({"quantity": 1, "reason": "  "}, "reason"),
        ({"quantity": 1, "reason": "a\x00b"}, "reason"),
        ({"quantity": 1, "reason": "x", "on_hand": 9}, "on_hand"),
    ],
)
def test_bad_adjustments_change_nothing(client, staff, make_product, read, body, field):
    product = make_product(stock=5)
    answer = client.post(
        f"/api/products/{product['id']}/stock/adjustments",
        json=body,
        headers={**staff, "Idempotency-Key": "bad"},
    )
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == [field]
    assert read(product) == product


def test_the_ledger_is_paged_newest_first(client, staff, make_product):
    product = make_product(stock=1)
    for number in range(4):
        adjust(client, staff, product, number + 1, key=f"k-{number}")
    path = f"/api/products/{product['id']}/stock/movements"
    answer = client.get(f"{path}?per_page=2", headers=staff)
    assert [entry["quantity"] for entry in answer.json["data"]] == [4, 3]
    assert answer.json["meta"]["pagination"]["total"] == 5
    assert 'rel="next"' in answer.headers["Link"]


def test_stock_of_an_unknown_product_is_not_found(client, staff):
    unknown = {"id": "01890000-0000-7000-8000-000000000000"}
    assert adjust(client, staff, unknown, 1).json["code"] == "products.not_found"
    path = f"/api/products/{unknown['id']}/stock/movements"
    assert client.get(path, headers=staff).status_code == 404
