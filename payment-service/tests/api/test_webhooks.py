"""News from the provider: signed, recent, once, and the same transition as the client's."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from chassis import clock as platform_clock
from payment_service.services.webhooks import sign

Till = Any
Types = Callable[[], list[str]]


def news(payment_id: str, type_: str = "action.completed", **members: Any) -> dict[str, Any]:
    return {
        "id": f"evt_{uuid4().hex}",
        "type": type_,
        "data": {"payment_id": payment_id},
        **members,
    }


def deliver(
    till: Till, document: Any, *, offset: int = 0, secret: str | None = None, header: Any = ...
) -> Any:
    """Send a webhook as the sandbox would; offset: seconds between its time and now."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    timestamp = int(platform_clock.now().timestamp()) + offset
    secret = secret or till.app.config["SETTINGS"].sandbox_webhook_secret
    signature = sign(secret, timestamp, body) if header is ... else header
    headers = {"Content-Type": "application/json", "Webhook-Signature": signature}
    return till.client.post("/api/payments/webhooks/sandbox", data=body, headers=headers)


@pytest.fixture
def waiting(till: Till) -> str:
    """The id of a payment that waits for the customer's confirmation."""
    return str(till.pay("tok_requires_action")["id"])


def test_completed_action_charges_as_the_client_would(
    till: Till, waiting: str, types: Types
) -> None:
    response = deliver(till, news(waiting))
    assert (response.status_code, response.get_json()["data"]) == (200, {"result": "processed"})
    assert till.status(waiting) == "processing"
    till.work()

    assert till.status(waiting) == "succeeded"
    assert till.charges(waiting) == [(1999, 1999, 0)]
    assert types() == ["payment.succeeded.v1"]


def test_client_and_webhook_charge_once(till: Till, waiting: str) -> None:
    till.post(f"/{waiting}/confirm")
    response = deliver(till, news(waiting))
    till.work()
    late = deliver(till, news(waiting))

    assert [r.get_json()["data"]["result"] for r in (response, late)] == ["processed"] * 2
    assert till.tasks() == []
    assert till.charges(waiting) == [(1999, 1999, 0)]


def test_failed_action_ends_the_payment(
    till: Till, waiting: str, published: Callable[[], list[Any]]
) -> None:
    deliver(till, news(waiting, "action.failed"))

    assert till.payment(waiting)["failure"]["code"] == "action_failed"
    [event] = published()
    assert (event.type, event.data["code"]) == ("payment.failed.v1", "action_failed")


def test_replayed_webhook_has_no_effect(till: Till, waiting: str, types: Types) -> None:
    document = news(waiting, "action.failed")
    deliver(till, document)
    version = till.payment(waiting)["version"]

    again = deliver(till, document, offset=1)

    assert (again.status_code, again.get_json()["data"]["result"]) == (200, "replayed")
    assert till.payment(waiting)["version"] == version
    assert types() == ["payment.failed.v1"]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"secret": "another"}, "payments.signature_invalid"),
        ({"header": ""}, "payments.signature_invalid"),
        ({"header": "t=1,v1=zz"}, "payments.signature_invalid"),
        ({"offset": -301}, "payments.webhook_stale"),
        ({"offset": 302}, "payments.webhook_stale"),
    ],
)
def test_forged_or_stale_webhook_is_refused(
    till: Till, waiting: str, types: Types, options: dict[str, Any], code: str
) -> None:
    response = deliver(till, news(waiting), **options)

    assert (response.status_code, response.get_json()["code"]) == (400, code)
    assert till.status(waiting) == "requires_action"
    assert till.rows("SELECT count(*) FROM received_webhooks") == [(0,)]
    assert (till.tasks(), types()) == ([], [])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 422),
        (b"{}", 422),
        (b'{"id":"e","type":"action.completed","data":{"payment_id":"7"}}', 422),
        (b'{"id":"","type":"t","data":{"payment_id":"7"}}', 422),
    ],
)
def test_signed_nonsense_is_refused(till: Till, body: bytes, status: int) -> None:
    assert deliver(till, body).status_code == status
    assert till.rows("SELECT count(*) FROM received_webhooks") == [(0,)]


def test_members_that_the_provider_adds_are_ignored(till: Till, waiting: str) -> None:
    document = news(waiting, api_version="2027-01-01")
    document["data"]["risk"] = {"score": 3}

    assert deliver(till, document).get_json()["data"]["result"] == "processed"


@pytest.mark.parametrize("case", ["unknown payment", "unknown type", "over", "order over"])
def test_webhook_that_does_not_fit_is_taken_and_ignored(
    till: Till, waiting: str, types: Types, case: str, clock: Any
) -> None:
    payment_id, type_ = waiting, "action.completed"
    if case == "unknown payment":
        payment_id = str(uuid4())
    elif case == "unknown type":
        type_ = "charge.disputed"
    elif case == "over":
        payment_id = till.pay("tok_declined")["id"]
    else:
        clock.move(900)
    before = till.payment(waiting), types()

    response = deliver(till, news(payment_id, type_))

    assert (response.status_code, response.get_json()["data"]["result"]) == (200, "ignored")
    assert (till.payment(waiting), types()) == before
    assert till.tasks() == []
