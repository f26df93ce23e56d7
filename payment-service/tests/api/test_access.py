"""Who sees and moves which payment."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

Till = Any

STAFF_ONLY = [
    ("POST", "/{id}/capture"),
    ("POST", "/{id}/refunds"),
    ("GET", "/{id}/ledger"),
    ("GET", "/audit"),
]
OWNED = [
    ("GET", "/{id}"),
    ("GET", "/{id}/refunds"),
    ("POST", "/{id}/confirm"),
    ("POST", "/{id}/cancel"),
]


def call(till: Till, method: str, path: str, who: dict[str, str]) -> Any:
    headers = {**who, "Idempotency-Key": str(uuid4())}
    return till.client.open(f"/api/payments{path}", method=method, headers=headers)


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", ""), *OWNED, *STAFF_ONLY])
def test_nobody_is_served_without_a_token(till: Till, method: str, path: str) -> None:
    assert call(till, method, path.format(id=uuid4()), {}).status_code == 401


@pytest.mark.parametrize(("method", "path"), OWNED)
def test_payment_of_another_customer_does_not_exist(
    till: Till, types: Callable[[], list[str]], method: str, path: str
) -> None:
    payment = till.pay(method="manual")

    response = call(till, method, path.format(id=payment["id"]), till.stranger)

    assert response.status_code == 404
    assert response.get_json()["code"] == "payments.not_found"
    assert till.payment(payment["id"]) == payment
    assert (till.tasks(), types()) == ([], [])


@pytest.mark.parametrize(("method", "path"), STAFF_ONLY)
def test_customers_do_not_do_what_staff_does(
    till: Till, types: Callable[[], list[str]], method: str, path: str
) -> None:
    payment = till.pay(method="manual")

    response = call(till, method, path.format(id=payment["id"]), till.customer)

    assert response.status_code == 403
    assert till.payment(payment["id"]) == payment
    assert (till.tasks(), types()) == ([], [])


def test_audit_is_for_admins(till: Till) -> None:
    assert till.get("/audit", till.staff).status_code == 403
    assert till.get("/audit", till.admin).status_code == 200


@pytest.mark.parametrize(("method", "path"), [*OWNED, *STAFF_ONLY[:3]])
def test_unknown_payment_is_not_found(till: Till, method: str, path: str) -> None:
    headers = {**till.staff, "Idempotency-Key": "k"}
    url = f"/api/payments{path.format(id=uuid4())}"
    reason = {"reason": "x"} if path.endswith("refunds") else {}

    response = till.client.open(url, method=method, headers=headers, json=reason)

    assert response.status_code == 404


def test_list_shows_customers_their_own_and_staff_all(
    till: Till, open_till: Callable[..., Till]
) -> None:
    other = open_till(till.app)
    mine = till.pay()["id"]
    theirs = other.start(other.order())

    def ids(query: str, who: dict[str, str]) -> list[str]:
        return [item["id"] for item in till.get(query, who).get_json()["data"]]

    assert ids("", till.customer) == [mine]
    assert ids("", till.staff) == [theirs, mine]
    assert ids("?status=succeeded", till.staff) == [mine]
    order_id = till.payment(theirs)["order_id"]
    assert ids(f"?order_id={order_id}", till.staff) == [theirs]
    assert ids(f"?order_id={order_id}", till.customer) == []


@pytest.mark.parametrize("query", ["?status=paid", "?order_id=1", "?sort=amount", "?per_page=101"])
def test_unknown_filters_are_refused(till: Till, query: str) -> None:
    assert till.get(query).status_code == 422


def test_unchanged_payment_is_not_sent_again(till: Till) -> None:
    payment = till.pay()
    etag = till.get(f"/{payment['id']}").headers["ETag"]

    headers = {**till.customer, "If-None-Match": etag}
    assert till.client.get(f"/api/payments/{payment['id']}", headers=headers).status_code == 304
    till.refund(payment["id"], 1)
    till.work()
    assert till.client.get(f"/api/payments/{payment['id']}", headers=headers).status_code == 200
