"""Two at once, on the real database with real commits."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from chassis import clock as platform_clock
from payment_service.services.webhooks import sign

Till = Any
AtOnce = Callable[..., list[Any]]


def start(till: Till, order_id: str, key: str) -> Callable[[], int]:
    """Return a request to pay, on a client of its own."""
    headers = {**till.customer, "Idempotency-Key": key}
    body = {"order_id": order_id, "source": "tok_success"}
    client = till.app.test_client()
    return lambda: client.post("/api/payments", json=body, headers=headers).status_code


def as_staff(till: Till, path: str, body: dict[str, Any]) -> Callable[[], int]:
    client = till.app.test_client()

    def send() -> int:
        headers = {**till.staff, "Idempotency-Key": str(uuid4())}
        return int(client.post(f"/api/payments{path}", json=body, headers=headers).status_code)

    return send


def test_two_payments_for_one_order_become_one(live_till: Till, at_once: AtOnce) -> None:
    for _ in range(5):
        order_id = live_till.order()
        answers = at_once(*[start(live_till, order_id, str(uuid4())) for _ in range(3)])
        assert sorted(answers) == [202, 409, 409]
    live_till.work()

    assert live_till.rows("SELECT status, count(*) FROM payments GROUP BY status") == [
        ("succeeded", 5)
    ]
    assert live_till.rows("SELECT count(*) FROM sandbox_charges") == [(5,)]
    assert live_till.broken() == []


def test_the_same_request_twice_charges_once(live_till: Till, at_once: AtOnce) -> None:
    order_id = live_till.order()

    answers = at_once(start(live_till, order_id, "k"), start(live_till, order_id, "k"))
    live_till.work()

    assert set(answers) <= {202, 409} and 202 in answers
    assert live_till.rows("SELECT count(*) FROM sandbox_charges") == [(1,)]


def test_two_captures_take_one(live_till: Till, at_once: AtOnce) -> None:
    payment = live_till.pay(method="manual")
    capture = [as_staff(live_till, f"/{payment['id']}/capture", {"amount": 900}) for _ in range(2)]

    assert sorted(at_once(*capture)) == [202, 409]
    live_till.work()

    assert live_till.charges(payment["id"]) == [(1999, 900, 0)]
    assert live_till.broken() == []


def test_capture_and_cancel_have_one_winner(live_till: Till, at_once: AtOnce) -> None:
    payment = live_till.pay(method="manual")
    path = f"/{payment['id']}"

    answers = at_once(
        as_staff(live_till, f"{path}/capture", {}), as_staff(live_till, f"{path}/cancel", {})
    )
    live_till.work()

    assert sorted(answers) == [202, 409]
    assert live_till.status(payment["id"]) == ("succeeded" if answers[0] == 202 else "canceled")
    assert live_till.broken() == []


def test_refunds_at_once_never_exceed_the_capture(live_till: Till, at_once: AtOnce) -> None:
    payment = live_till.pay(amount=1000)
    refund = {"amount": 400, "reason": "damaged"}

    answers = at_once(*[as_staff(live_till, f"/{payment['id']}/refunds", refund)] * 4)
    live_till.work()

    assert sorted(answers) == [202, 202, 422, 422]
    assert live_till.charges(payment["id"]) == [(1000, 1000, 800)]
    assert live_till.broken() == []


def test_the_same_refund_request_twice_gives_back_once(live_till: Till, at_once: AtOnce) -> None:
    payment = live_till.pay()
    data = {
        "refund_id": str(uuid4()),
        "order_id": payment["order_id"],
        "payment_id": payment["id"],
        "amount": 1999,
        "currency": "GBP",
        "reason": "order_cancelled",
    }

    at_once(*[lambda: live_till.send("refund.requested.v1", data)] * 3)
    live_till.work()

    assert live_till.charges(payment["id"]) == [(1999, 1999, 1999)]
    assert live_till.broken() == []


def test_client_and_webhook_at_once_charge_once(live_till: Till, at_once: AtOnce) -> None:
    payment = live_till.pay("tok_requires_action")
    client, provider = live_till.app.test_client(), live_till.app.test_client()
    body = json.dumps(
        {"id": "evt_1", "type": "action.completed", "data": {"payment_id": payment["id"]}}
    ).encode()
    secret = live_till.app.config["SETTINGS"].sandbox_webhook_secret
    signature = sign(secret, int(platform_clock.now().timestamp()), body)

    def confirm() -> int:
        url = f"/api/payments/{payment['id']}/confirm"
        return int(client.post(url, headers=live_till.customer).status_code)

    def notify() -> int:
        headers = {"Webhook-Signature": signature, "Content-Type": "application/json"}
        url = "/api/payments/webhooks/sandbox"
        return int(provider.post(url, data=body, headers=headers).status_code)

    assert at_once(confirm, notify, notify) == [202, 200, 200]
    live_till.work()

    assert live_till.charges(payment["id"]) == [(1999, 1999, 0)]
    assert live_till.rows("SELECT count(*) FROM received_webhooks") == [(1,)]
    assert live_till.broken() == []


def test_one_operation_is_done_by_one_of_many_workers(live_till: Till, at_once: AtOnce) -> None:
    payment_id = live_till.start(live_till.order())
    [operation_id] = live_till.tasks()
    platform_clock.move(3)
    try:
        results = at_once(
            *[lambda: live_till.execute(operation_id)] * 3, live_till.sweep, live_till.sweep
        )
    finally:
        platform_clock.reset()

    assert sum(int(result) for result in results) == 1
    assert live_till.charges(payment_id) == [(1999, 1999, 0)]
    assert len(live_till.payment(payment_id)["attempts"]) == 1
    assert live_till.broken() == []


def test_end_of_the_order_and_its_authorization_at_once_hold_nothing(
    live_till: Till, at_once: AtOnce
) -> None:
    for _ in range(5):
        payment_id = live_till.start(live_till.order(), method="manual")
        order_id = live_till.payment(payment_id)["order_id"]
        at_once(live_till.work, lambda order_id=order_id: live_till.close(order_id))
        live_till.work()
        assert live_till.status(payment_id) == "canceled"

    assert live_till.rows("SELECT count(*) FROM sandbox_charges WHERE open") == [(0,)]
    assert live_till.broken() == []


def test_waiting_request_is_answered_when_the_worker_is_done(
    live_till: Till, at_once: AtOnce, eventually: Callable[..., None]
) -> None:
    order_id = live_till.order()

    def pay() -> Any:
        body = {"order_id": order_id, "source": "tok_success"}
        return live_till.post("", body, key="k", Prefer="wait=10")

    def work() -> None:
        count = "SELECT count(*) FROM operations"
        eventually(lambda: live_till.rows(count) == [(1,)])
        live_till.work()

    response, _ = at_once(pay, work)

    assert response.status_code == 200
    assert response.headers["Preference-Applied"] == "wait=10"
    assert response.get_json()["data"]["status"] == "succeeded"
    assert response.headers["Location"].endswith(response.get_json()["data"]["id"])
