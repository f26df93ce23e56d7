"""The stock side of the saga, by the events that other services send.

One file, for its fixtures.
"""

from uuid import uuid4

import pytest

from chassis.database import transaction
from product_service.services.reservations import expire_reservations


@pytest.fixture
def sweep(app):
    """Run the expiry sweep once; returns how many reservations it ended."""

    def run():
        with app.app_context(), transaction() as session:
            return expire_reservations(session)

    return run


@pytest.fixture
def levels(read):
    """Return (on_hand, reserved, available) of a product."""
    return lambda product: tuple(
        read(product)[name] for name in ("on_hand", "reserved", "available")
    )


def status_of(client, staff, order_id):
    return client.get(f"/api/products/reservations/{order_id}", headers=staff).json["data"][
        "status"
    ]


def test_an_order_reserves_all_its_items(client, staff, make_product, place, said, levels, clock):
    cup, tea = make_product(name="Cup", price=250), make_product(name="Tea", price=100)
    order_id = place((cup, 2), (tea, 3))
    assert (levels(cup), levels(tea)) == ((5, 2, 3), (5, 3, 2))
    [(kind, data)] = said()
    reservation = client.get(f"/api/products/reservations/{order_id}", headers=staff).json["data"]
    assert kind == "stock.reserved.v1"
    assert data.pop("expires_at").replace("+00:00", "Z") == reservation["expires_at"]
    assert data == {
        "order_id": str(order_id),
        "reservation_id": reservation["id"],
        "currency": "GBP",
        "total": 800,
        "items": [
            {
                "product_id": cup["id"],
                "sku": cup["sku"],
                "name": "Cup",
                "quantity": 2,
                "unit_price": 250,
                "line_total": 500,
            },
            {
                "product_id": tea["id"],
                "sku": tea["sku"],
                "name": "Tea",
                "quantity": 3,
                "unit_price": 100,
                "line_total": 300,
            },
        ],
    }
    assert reservation["status"] == "held"
    assert {line["product_id"]: line["quantity"] for line in reservation["items"]} == {
        cup["id"]: 2,
        tea["id"]: 3,
    }


def test_a_product_named_twice_is_added_up(make_product, place, said, levels):
    cup = make_product(price=10)
    place((cup, 2), (cup, 1))
    assert levels(cup) == (5, 3, 2)
    assert [item["quantity"] for item in said()[0][1]["items"]] == [3]


def rejection(order_id, reason, *items):
    named = [
        {"product_id": product_id, "requested": requested, "available": available}
        for product_id, requested, available in items
    ]
    return (
        "stock.rejected.v1",
        {"order_id": str(order_id), "reason": reason, "items": named},
    )


def test_one_short_item_refuses_the_whole_order(make_product, place, said, levels):
    cup, tea = make_product(), make_product(stock=1)
    order_id = place((cup, 2), (tea, 2))
    assert said() == [rejection(order_id, "out_of_stock", (tea["id"], 2, 1))]
    assert (levels(cup), levels(tea)) == ((5, 0, 5), (1, 0, 1))


def test_an_unknown_product_refuses_the_order(make_product, place, said, levels):
    cup, unknown = make_product(), {"id": str(uuid4())}
    order_id = place((cup, 1), (unknown, 2))
    assert said() == [rejection(order_id, "unknown_product", (unknown["id"], 2, 0))]
    assert levels(cup) == (5, 0, 5)


def test_an_archived_product_cannot_be_ordered(client, staff, make_product, place, said, levels):
    cup = make_product()
    client.delete(f"/api/products/{cup['id']}", headers={**staff, "If-Match": '"1"'})
    order_id = place((cup, 1))
    assert said() == [rejection(order_id, "not_sellable", (cup["id"], 1, 5))]
    assert levels(cup) == (5, 0, 5)


def test_currencies_do_not_mix_in_an_order(make_product, place, said, levels):
    pound, euro = make_product(), make_product(currency="EUR")
    order_id = place((pound, 1), (euro, 1))
    expected = rejection(order_id, "currency_mix", (pound["id"], 1, 5), (euro["id"], 1, 5))
    assert said() == [expected]
    assert (levels(pound), levels(euro)) == ((5, 0, 5), (5, 0, 5))


@pytest.mark.parametrize(
    ("expected", "agrees"),
    [
        ({"amount": 200, "currency": "GBP"}, True),
        ({"amount": 199, "currency": "GBP"}, False),
        ({"amount": 200, "currency": "EUR"}, False),
        ({"amount": 200, "currency": "XXX"}, False),
    ],
)
def test_the_agreed_total_has_to_hold(make_product, place, said, levels, expected, agrees):
    cup = make_product(price=100)
    order_id = place((cup, 2), expected=expected)
    if agrees:
        assert (said()[0][0], levels(cup)) == ("stock.reserved.v1", (5, 2, 3))
    else:
        assert said() == [rejection(order_id, "price_changed")]
        assert levels(cup) == (5, 0, 5)


def test_a_second_placement_of_an_order_has_no_effect(make_product, place, said, levels):
    cup, gone = make_product(), make_product(stock=0)
    held, refused = place((cup, 1)), place((gone, 1))
    before = said()
    for order_id in (held, refused):
        place((cup, 4), order_id=order_id)
    assert said() == before
    assert (levels(cup), levels(gone)) == ((5, 1, 4), (0, 0, 0))


def test_payment_turns_the_reservation_into_a_sale_once(
    client, staff, make_product, place, pay, said, levels
):
    cup = make_product()
    order_id = place((cup, 2))
    pay(order_id)
    pay(order_id)
    assert levels(cup) == (3, 0, 3)
    assert [kind for kind, _ in said()] == ["stock.reserved.v1"]
    movements = client.get(f"/api/products/{cup['id']}/stock/movements", headers=staff).json["data"]
    assert [(entry["kind"], entry["quantity"], entry["order_id"]) for entry in movements] == [
        ("sale", -2, str(order_id)),
        ("initial", 5, None),
    ]
    assert status_of(client, staff, order_id) == "committed"


def test_cancelling_returns_reserved_stock_once(make_product, place, cancel, said, levels):
    cup = make_product()
    order_id = place((cup, 2))
    cancel(order_id)
    cancel(order_id)
    assert levels(cup) == (5, 0, 5)
    assert said()[1:] == [("stock.released.v1", {"order_id": str(order_id), "reason": "cancelled"})]


def test_cancelling_after_the_sale_returns_the_stock_with_a_movement(
    client, staff, make_product, place, pay, cancel, levels
):
    cup = make_product()
    order_id = place((cup, 2))
    pay(order_id)
    cancel(order_id)
    cancel(order_id)
    pay(order_id)
    assert levels(cup) == (5, 0, 5)
    movements = client.get(f"/api/products/{cup['id']}/stock/movements", headers=staff).json["data"]
    assert [entry["quantity"] for entry in movements] == [2, -2, 5]


def test_a_cancellation_before_the_placement_leaves_a_tombstone(
    client, staff, make_product, place, cancel, said, levels
):
    cup, order_id = make_product(), uuid4()
    cancel(order_id)
    assert said() == []
    assert status_of(client, staff, order_id) == "released"
    place((cup, 1), order_id=order_id)
    place((cup, 1), order_id=order_id)
    assert said() == [rejection(order_id, "cancelled")]
    assert levels(cup) == (5, 0, 5)


def test_an_expired_order_returns_its_stock(make_product, place, deliver, said, levels):
    cup = make_product()
    order_id = place((cup, 2))
    deliver("order.expired.v1", {"order_id": str(order_id), "customer_id": str(uuid4())})
    assert levels(cup) == (5, 0, 5)
    assert said()[1:] == [("stock.released.v1", {"order_id": str(order_id), "reason": "expired"})]


def test_the_sweep_ends_reservations_whose_time_is_over(
    client, staff, make_product, place, pay, sweep, clock, said, levels
):
    cup = make_product()
    paid, unpaid = place((cup, 1)), place((cup, 2))
    pay(paid)
    clock.move(1199)
    assert sweep() == 0
    clock.move(2)
    assert sweep() == 1
    assert sweep() == 0
    assert levels(cup) == (4, 0, 4)
    assert said()[2:] == [("stock.released.v1", {"order_id": str(unpaid), "reason": "expired"})]
    assert status_of(client, staff, unpaid) == "expired"
    assert status_of(client, staff, paid) == "committed"


def test_payment_after_expiry_takes_the_stock_again(
    make_product, place, pay, sweep, clock, said, levels
):
    cup = make_product()
    order_id = place((cup, 2))
    clock.move(1201)
    sweep()
    pay(order_id)
    pay(order_id)
    assert levels(cup) == (3, 0, 3)
    assert [kind for kind, _ in said()] == ["stock.reserved.v1", "stock.released.v1"]


def test_payment_after_expiry_is_refused_when_the_stock_is_gone(
    make_product, place, pay, cancel, sweep, clock, said, levels
):
    cup, tea = make_product(stock=2), make_product(stock=9)
    late = place((cup, 2), (tea, 1))
    clock.move(1201)
    sweep()
    pay(place((cup, 1)))
    pay(late)
    pay(late)
    assert said()[-1] == rejection(late, "reservation_lost", (cup["id"], 2, 1))
    assert (levels(cup), levels(tea)) == ((1, 0, 1), (9, 0, 9))
    cancel(late)
    assert (levels(cup), levels(tea)) == ((1, 0, 1), (9, 0, 9))


def test_payment_of_an_order_never_heard_of_is_refused(make_product, place, pay, said, levels):
    cup, order_id = make_product(), uuid4()
    pay(order_id)
    pay(order_id)
    place((cup, 1), order_id=order_id)
    assert said() == [rejection(order_id, "reservation_lost")]
    assert levels(cup) == (5, 0, 5)


def test_a_cancellation_after_expiry_returns_nothing_twice(
    make_product, place, pay, cancel, sweep, clock, said, levels
):
    cup = make_product()
    order_id = place((cup, 2))
    clock.move(1201)
    sweep()
    cancel(order_id)
    pay(order_id)
    assert levels(cup) == (5, 0, 5)
    assert [kind for kind, _ in said()] == ["stock.reserved.v1", "stock.released.v1"]


def test_a_message_delivered_twice_is_handled_once(make_product, deliver, said, levels):
    cup, event_id = make_product(), uuid4()
    data = {
        "order_id": str(uuid4()),
        "customer_id": str(uuid4()),
        "items": [{"product_id": cup["id"], "quantity": 1}],
        "expected_total": None,
    }
    for _ in range(2):
        deliver("order.placed.v1", data, event_id=event_id)
    assert (len(said()), levels(cup)) == (1, (5, 1, 4))


def test_an_unknown_reservation_is_not_found(client, staff):
    answer = client.get(f"/api/products/reservations/{uuid4()}", headers=staff)
    assert (answer.status_code, answer.json["code"]) == (404, "products.reservation_not_found")
