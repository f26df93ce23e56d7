"""Receipts: from their provider alone, each with its effect once, never backwards."""

from typing import Any

import pytest

from chassis.database import transaction
from notification_service.providers.port import ErrorClass, Receipt, Submitted
from notification_service.services.receipts import match_parked

Office = Any


def receipt(state: str = "delivered", provider_id: str = "msg-1", **more: Any) -> Receipt:
    return Receipt(
        provider_id=provider_id, **{"receiver": None, "state": state, "code": "C", **more}
    )


def url(office: Office, provider: str = "primary") -> str:
    urls = office.get("/receipts/urls", office.admin).get_json()["data"]
    found = {one["provider"]: one["url"] for one in urls}
    return str(found[provider]).removeprefix("http://127.0.0.1:5000")


def report(office: Office, *receipts: Receipt) -> Any:
    """Let the provider report."""
    office.primary.receipts = list(receipts)
    return office.client.post(url(office), data=b"...")


@pytest.fixture
def sent(office: Office) -> Any:
    """A message that the provider knows as `msg-1`."""
    office.primary.answers = [Submitted("msg-1")]
    (message,) = office.submit()
    office.work()
    return message


@pytest.mark.parametrize("state", ["delivered", "failed", "expired"])
def test_receipt_tells_what_became_of_a_message(office: Office, sent: Any, state: str) -> None:
    response = report(office, receipt(state))

    assert (response.status_code, response.get_data()) == (200, b'{"code":0}')
    found = office.message(sent)
    assert found["state"] == state and found["settled_at"]
    assert found["failure"] == (
        None if state == "delivered" else {"kind": "undelivered", "code": "C"}
    )


def test_same_receipt_again_is_stored_once(office: Office, sent: Any) -> None:
    for _ in range(3):
        report(office, receipt(), receipt())

    assert office.rows("SELECT count(*) FROM receipts") == [(1,)]


@pytest.mark.parametrize("late", ["failed", "sent", "expired", "unknown"])
def test_late_receipt_undoes_no_delivery(office: Office, sent: Any, late: str) -> None:
    report(office, receipt())
    report(office, receipt(late))

    assert office.state(sent) == "delivered"
    assert office.message(sent)["failure"] is None


def test_delivery_corrects_an_earlier_failure(office: Office, sent: Any) -> None:
    report(office, receipt("failed"))
    report(office, receipt("delivered"))

    found = office.message(sent)
    assert (found["state"], found["failure"]) == ("delivered", None)


def test_long_message_is_delivered_when_all_of_its_parts_are(office: Office, sent: Any) -> None:
    report(office, receipt(part=(1, 3)), receipt(part=(3, 3)), receipt(part=(1, 3)))
    assert office.state(sent) == "sent"

    report(office, receipt(part=(2, 3)))

    assert office.state(sent) == "delivered"


def test_part_that_fails_fails_the_message(office: Office, sent: Any) -> None:
    report(office, receipt(part=(1, 2)), receipt("failed", part=(2, 2)))

    assert office.state(sent) == "failed"


def test_receipt_that_came_first_is_parked_until_its_message_is_known(office: Office) -> None:
    office.primary.answers = [Submitted("msg-1")]
    (message,) = office.submit()
    report(office, receipt())
    assert office.rows("SELECT message_id FROM receipts") == [(None,)]
    office.work()
    assert office.state(message) == "sent"

    with office.app.app_context(), transaction() as session:
        assert match_parked(session, office.now()) == 1

    assert office.state(message) == "delivered"


def test_receipt_with_our_id_finds_an_unknown_message(office: Office, fails: Any) -> None:
    office.primary.answers = [fails("unknown", "timeout")]
    (message,) = office.submit()
    office.work()

    report(office, receipt(message_id=message["id"]))

    assert office.state(message) == "delivered"


@pytest.mark.parametrize(
    "foreign",
    [
        {"provider_id": "msg-2"},
        {"receiver": "+8613812345678"},
        {"message_id": "0198c5b2-6f3e-7c41-9a57-2d1f0b8e4c63"},
        {"message_id": "not a uuid"},
        {"provider_id": ""},
    ],
)
def test_receipt_of_another_message_changes_nothing(
    office: Office, sent: Any, foreign: dict[str, str]
) -> None:
    assert report(office, receipt(**foreign)).status_code == 200
    assert office.state(sent) == "sent"


def test_receipt_of_another_provider_changes_nothing(office: Office, sent: Any) -> None:
    office.backup.receipts = [receipt()]

    assert office.client.post(url(office, "backup"), data=b"...").status_code == 200
    assert office.state(sent) == "sent"


def test_opt_out_in_a_receipt_suppresses_the_number(office: Office, sent: Any) -> None:
    report(office, receipt("failed", kind=ErrorClass.SUPPRESSED, code="BLACK"))

    (again,) = office.submit()
    assert again["failure"] == {"kind": "suppressed", "code": "primary: BLACK"}


def test_url_without_its_secret_does_not_exist(office: Office, sent: Any) -> None:
    office.primary.receipts = office.backup.receipts = [receipt()]
    right, backup = url(office), url(office, "backup")
    secret = backup.rpartition("/")[2]
    wrong = [
        f"/api/notifications/receipts/primary/{secret}",
        f"/api/notifications/receipts/nobody/{secret}",
        f"{right}0",
        right[:-1],
        "/api/notifications/receipts/primary/机密",
    ]

    assert {office.client.post(path, data=b"...").status_code for path in wrong} == {404}
    assert office.client.get(right).status_code == 405
    assert office.state(sent) == "sent"
    assert office.rows("SELECT count(*) FROM receipts") == [(0,)]


def test_what_the_provider_did_not_sign_is_refused(office: Office, sent: Any) -> None:
    office.primary.receipts = None

    response = office.client.post(url(office), data=b"forged")

    assert (response.status_code, response.get_json()["code"]) == (
        403,
        "notifications.receipt_rejected",
    )
    assert office.rows("SELECT count(*) FROM receipts") == [(0,)]
