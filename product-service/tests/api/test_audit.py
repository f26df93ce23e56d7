"""The audit: totals, and that it sees what is broken."""

import pytest
from sqlalchemy import text, update

from product_service.models import stock_levels


@pytest.fixture
def audit(client, auth):
    """Read the audit as the admin."""

    def read():
        answer = client.get("/api/products/audit", headers=auth(roles=("admin",)))
        assert answer.status_code == 200
        return answer.json["data"]

    return read


def broken(data):
    return {check["name"] for check in data["checks"] if not check["ok"]}


def test_totals_follow_every_kind_of_movement(
    client, staff, make_product, place, pay, cancel, audit
):
    cup, tea = make_product(stock=10), make_product(stock=20)
    client.post(
        f"/api/products/{cup['id']}/stock/adjustments",
        json={"quantity": -3, "reason": "broken"},
        headers={**staff, "Idempotency-Key": "1"},
    )
    pay(place((cup, 2), (tea, 4)))
    returned = place((tea, 5))
    pay(returned)
    cancel(returned)
    cancel(place((tea, 1)))
    place((cup, 1), (tea, 2))
    place((cup, 1_000))
    data = audit()
    assert broken(data) == set()
    assert data["counts"] == {
        "initial_units": 30,
        "adjusted_units": -3,
        "sold_units": 6,
        "on_hand_units": 21,
        "reserved_units": 3,
        "products": 2,
        "reservations_held": 1,
        "reservations_committed": 1,
        "reservations_released": 2,
        "reservations_expired": 0,
        "reservations_rejected": 1,
    }
    assert data["outbox_pending"] > 0


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ("on_hand = on_hand + 1", {"on_hand_is_sum_of_movements"}),
        ("reserved = reserved - 1", {"reserved_is_sum_of_held_lines"}),
    ],
)
def test_a_lost_unit_is_seen(session, make_product, place, audit, change, names):
    cup, _ = make_product(), make_product()
    place((cup, 1))
    session.execute(
        text(f"UPDATE stock_levels SET {change} WHERE product_id = :id"), {"id": cup["id"]}
    )
    data = audit()
    assert broken(data) == names
    [check] = [check for check in data["checks"] if not check["ok"]]
    assert check["detail"] == {"broken": 1, "examples": [cup["id"]]}


def test_a_sale_without_a_reservation_is_seen(session, make_product, place, pay, audit):
    cup = make_product()
    pay(place((cup, 1)))
    session.execute(text("UPDATE reservations SET status = 'released'"))
    assert broken(audit()) == {"sold_is_sum_of_committed_lines"}


def test_the_database_refuses_negative_stock(session, make_product):
    make_product(stock=1)
    for column in ("on_hand", "reserved"):
        with pytest.raises(Exception, match="ck_stock_levels"), session.begin_nested():
            session.execute(update(stock_levels).values({column: -1}))
