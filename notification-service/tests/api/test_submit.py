"""Submitting: one message for each receiver, or nothing at all."""

from typing import Any
from uuid import uuid4

import pytest

Office = Any
MOBILE, OTHER = "+447400123456", "+8613812345678"
NOTICE = {"template": "notice", "params": {"subject": "Done", "text": "All is well."}}


@pytest.mark.parametrize("receivers", [f"{MOBILE}, {OTHER}", [MOBILE, OTHER]])
def test_sms_goes_to_every_receiver_once(office: Office, receivers: Any) -> None:
    messages = office.submit(receivers)
    assert [(one["receiver"], one["state"]) for one in messages] == [
        (MOBILE, "queued"),
        (OTHER, "queued"),
    ]
    assert len({one["submission_id"] for one in messages}) == 1

    assert office.work() == 2

    assert [sms.to for sms in office.primary.sent] == [MOBILE, OTHER]
    assert {sms.text for sms in office.primary.sent} == {"Platform: Done. All is well."}
    assert [office.state(one) for one in messages] == ["sent", "sent"]


def test_same_number_in_two_spellings_gets_one_message(office: Office) -> None:
    assert len(office.submit([MOBILE, "+44 7400 123-456"])) == 1


def test_mail_has_subject_text_and_html(office: Office) -> None:
    (message,) = office.submit("Mei@Example.com", channel="email", locale="zh-CN")
    office.work()

    ((receiver, mail),) = office.post.mails
    assert receiver == "Mei@example.com"
    assert mail["Subject"] == "Done"
    assert mail["Message-ID"] == f"<{message['id']}@example.com>"
    assert mail["List-Unsubscribe"] is None
    assert mail.get_body(("plain",)).get_content().startswith("All is well.")
    assert "<p>All is well.</p>" in mail.get_body(("html",)).get_content()
    assert office.state(message) == "sent"


def test_answer_says_where_the_messages_are(office: Office) -> None:
    response = office.call("POST", "/sms", {"receivers": MOBILE, **NOTICE})

    listed = office.client.get(response.headers["Location"], headers=office.staff).get_json()
    assert [one["id"] for one in listed["data"]] == [response.get_json()["data"][0]["id"]]


@pytest.mark.parametrize(
    ("receivers", "fields"),
    [
        ("+442079460018", ["receivers.0"]),
        (f"{MOBILE},+8612345,mei@example.com", ["receivers.1", "receivers.2"]),
        ("07400123456", ["receivers.0"]),
    ],
)
def test_one_bad_number_refuses_all(office: Office, receivers: str, fields: list[str]) -> None:
    response = office.call("POST", "/sms", {"receivers": receivers, **NOTICE})

    assert response.status_code == 422
    assert response.get_json()["code"] == "notifications.receivers_invalid"
    assert [error["field"] for error in response.get_json()["errors"]] == fields
    assert office.listed() == []


@pytest.mark.parametrize("receivers", ["", " , ", [], [7], 7, None, {"a": 1}, ["x"] * 501])
def test_receivers_are_text_or_a_list_of_text(office: Office, receivers: Any) -> None:
    response = office.call("POST", "/sms", {"receivers": receivers, **NOTICE})

    assert response.status_code == 422
    assert office.listed() == []


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"template": "nothing"}, 404, "notifications.template_not_found"),
        ({"template": "security_changed", "params": {}}, 422, "notifications.channel_not_offered"),
        ({"template": "notice", "params": {}}, 422, "notifications.params_invalid"),
        (
            {**NOTICE, "params": {"subject": "a\nb", "text": "x"}},
            422,
            "notifications.params_invalid",
        ),
        ({**NOTICE, "params": {"subject": "a", "text": 7}}, 422, "validation_failed"),
        ({**NOTICE, "locale": "fr"}, 422, "validation_failed"),
        ({**NOTICE, "expires_in": 59}, 422, "validation_failed"),
        ({**NOTICE, "more": 1}, 422, "validation_failed"),
    ],
)
def test_what_does_not_fit_is_refused(
    office: Office, body: dict[str, Any], status: int, code: str
) -> None:
    response = office.call("POST", "/sms", {"receivers": MOBILE, **body})

    assert (response.status_code, response.get_json()["code"]) == (status, code)
    assert office.listed() == []


def test_submission_that_is_sent_again_has_its_effect_once(office: Office) -> None:
    headers = {**office.staff, "Idempotency-Key": str(uuid4())}
    body = {"receivers": MOBILE, **NOTICE}

    first, second = (
        office.client.post("/api/notifications/sms", json=body, headers=headers) for _ in range(2)
    )

    assert first.get_json() == second.get_json()
    assert len(office.listed()) == 1


def test_submission_needs_an_idempotency_key(office: Office) -> None:
    response = office.client.post(
        "/api/notifications/sms", json={"receivers": MOBILE, **NOTICE}, headers=office.staff
    )

    assert response.get_json()["code"] == "idempotency_key_required"


def test_content_is_sealed_in_the_database(office: Office) -> None:
    office.submit()

    ((sealed,),) = office.rows("SELECT sealed FROM messages")
    assert "All is well" not in sealed


def test_segments_are_counted_where_the_provider_does_not(office: Office) -> None:
    long = {"subject": "验" * 70, "text": "x"}
    message = office.submit(OTHER, params=long, locale="zh-CN")[0]
    office.work()

    assert office.message(message)["segments"] == 2


def test_cancelled_message_is_not_sent(office: Office) -> None:
    (message,) = office.submit()

    assert office.call("POST", f"/{message['id']}/cancel").get_json()["data"]["state"] == (
        "cancelled"
    )

    assert office.work() == 0
    assert office.primary.sent == []
    assert office.call("POST", f"/{message['id']}/cancel").status_code == 409


def test_sent_message_cannot_be_cancelled(office: Office) -> None:
    (message,) = office.submit()
    office.work()

    response = office.call("POST", f"/{message['id']}/cancel")

    assert response.get_json()["code"] == "notifications.illegal_move"
    assert office.state(message) == "sent"


def test_resent_message_is_a_new_one_with_the_same_text(office: Office) -> None:
    (message,) = office.submit()
    office.work()

    response = office.call("POST", f"/{message['id']}/resend")
    office.work()

    again = response.get_json()["data"]
    assert (response.status_code, response.headers["Location"]) == (
        202,
        f"/api/notifications/{again['id']}",
    )
    assert again["id"] != message["id"]
    assert [sms.text for sms in office.primary.sent] == ["Platform: Done. All is well."] * 2


def test_message_under_way_is_not_resent(office: Office) -> None:
    (message,) = office.submit()

    assert office.call("POST", f"/{message['id']}/resend").status_code == 409
    assert len(office.listed()) == 1


def test_code_is_not_resent(office: Office) -> None:
    office.send("verification.requested.v1", office.verification())
    office.work()
    (message,) = office.listed()

    response = office.call("POST", f"/{message['id']}/resend")

    assert response.get_json()["code"] == "notifications.content_gone"
