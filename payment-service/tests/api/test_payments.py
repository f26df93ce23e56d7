"""Starting a payment: who may, for what, and what is refused."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

Till = Any
Types = Callable[[], list[str]]


def body(order_id: str, **members: Any) -> dict[str, Any]:
    return {"order_id": order_id, "source": "tok_success", **members}


def test_payment_is_accepted_before_the_provider_is_asked(till: Till) -> None:
    order_id = till.order(1999)

    response = till.post("", body(order_id), key="k")

    assert response.status_code == 202
    answer = response.get_json()
    data = answer["data"]
    assert response.headers["Location"] == f"/api/payments/{data['id']}"
    assert answer["message"] == "Payment accepted"
    assert {
        name: data[name] for name in data if name not in ("id", "created_at", "updated_at")
    } == {
        "order_id": order_id,
        "customer_id": str(till.customer_id),
        "amount": 1999,
        "currency": "GBP",
        "status": "processing",
        "capture_method": "automatic",
        "captured_amount": 0,
        "refunded_amount": 0,
        "failure": None,
        "next_action": None,
        "attempts": [],
        "version": 1,
    }
    assert till.charges(data["id"]) == []
    assert len(till.tasks()) == 1


def test_waiting_client_gets_the_settled_payment(till: Till) -> None:
    payment = till.pay()

    response = till.post(
        f"/{payment['id']}/refunds", {"reason": "x"}, till.staff, key="k", Prefer="wait=1"
    )
    assert response.status_code == 202, "a refund has no settled state of its payment"
    order_id = till.order()
    response = till.post("", body(order_id), key="k2", Prefer="wait=0")
    assert response.status_code == 202


def test_same_key_replays_the_answer_and_charges_once(till: Till) -> None:
    order_id = till.order()
    first = till.post("", body(order_id), key="k")
    till.work()

    second = till.post("", body(order_id), key="k")

    assert second.status_code == 202
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.get_json()["data"] == first.get_json()["data"]
    assert till.tasks() == []
    assert till.charges(first.get_json()["data"]["id"]) == [(1999, 1999, 0)]


def test_same_key_for_another_body_is_refused(till: Till) -> None:
    till.post("", body(till.order()), key="k")
    till.tasks()

    response = till.post("", body(till.order()), key="k")

    assert response.status_code == 422
    assert response.get_json()["code"] == "idempotency_key_reused"
    assert till.tasks() == []
    assert till.rows("SELECT count(*) FROM payments") == [(1,)]


def test_key_is_required(till: Till) -> None:
    response = till.post("", body(till.order()))

    assert response.status_code == 400
    assert response.get_json()["code"] == "idempotency_key_required"
    assert till.rows("SELECT count(*) FROM payments") == [(0,)]


def test_second_payment_for_an_order_is_refused_while_one_is_active(till: Till) -> None:
    order_id = till.order()
    payment_id = till.start(order_id)
    for _ in ("processing", "succeeded"):
        response = till.post("", body(order_id), key=str(uuid4()))
        assert response.status_code == 409
        assert response.get_json()["code"] == "payments.payment_exists"
        till.work()
    assert till.rows("SELECT id::text FROM payments") == [(payment_id,)]


@pytest.mark.parametrize("case", ["unknown", "another's", "cancelled", "expired", "too late"])
def test_order_that_cannot_be_paid_gives_one_and_the_same_error(
    till: Till, clock: Any, types: Types, case: str
) -> None:
    order_id = str(uuid4()) if case == "unknown" else till.order(seconds=60)
    who = till.stranger if case == "another's" else till.customer
    if case in ("cancelled", "expired"):
        till.close(order_id, case)
    if case == "too late":
        clock.move(60)

    response = till.post("", body(order_id), who, key="k")

    assert response.status_code == 409
    assert response.get_json()["code"] == "payments.order_not_payable"
    assert till.rows("SELECT count(*) FROM payments") == [(0,)]
    assert (till.tasks(), types()) == ([], [])


def test_refused_order_can_be_paid_with_the_same_key_once_it_is_known(till: Till) -> None:
    data = till.payable()
    refused = till.post("", body(data["order_id"]), key="k")
    till.send("order.awaiting_payment.v1", data)

    accepted = till.post("", body(data["order_id"]), key="k")

    assert (refused.status_code, accepted.status_code) == (409, 202)


def test_free_order_is_paid_without_money(till: Till, types: Types) -> None:
    payment = till.pay(amount=0)

    assert payment["status"] == "succeeded"
    assert till.ledger(payment["id"]) == []
    assert types() == ["payment.succeeded.v1"]
    assert till.broken() == []


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"order_id": "7"}, "order_id"),
        ({"order_id": None}, "order_id"),
        ({"source": ""}, "source"),
        ({"source": "4111111111111111"}, "source"),
        ({"source": "tok_" + "x" * 65}, "source"),
        ({"source": "tok_a\n"}, None),
        ({"source": 7}, "source"),
        ({"source": ["tok_success"]}, "source"),
        ({"capture_method": "later"}, "capture_method"),
        ({"amount": 1}, "amount"),
        ({"customer_id": str(uuid4())}, "customer_id"),
        ({"status": "succeeded"}, "status"),
    ],
)
def test_bad_members_are_refused_by_name(
    till: Till, members: dict[str, Any], field: str | None
) -> None:
    order_id = till.order()

    response = till.post("", {**body(order_id), **members}, key="k")

    if field is None:
        assert response.status_code == 202, "blanks around a token are trimmed"
        return
    assert response.status_code == 422
    assert [error["field"] for error in response.get_json()["errors"]] == [field]
    assert till.rows("SELECT count(*) FROM payments") == [(0,)]


@pytest.mark.parametrize(
    ("raw", "status"),
    [(b"{", 400), (b"[]", 422), (b'{"order_id": NaN}', 400), (b"[" * 5000, 400), (b"\xff", 400)],
)
def test_malformed_bodies_are_client_errors(till: Till, raw: bytes, status: int) -> None:
    response = till.client.post(
        "/api/payments",
        data=raw,
        headers={**till.customer, "Idempotency-Key": "k", "Content-Type": "application/json"},
    )

    assert response.status_code == status


def test_source_is_never_shown_or_published(till: Till, published: Callable[[], list[Any]]) -> None:
    payment = till.pay("tok_insufficient_funds")

    assert "tok_insufficient" not in till.get(f"/{payment['id']}").get_data(as_text=True)
    assert "tok_" not in str([event.data for event in published()])
