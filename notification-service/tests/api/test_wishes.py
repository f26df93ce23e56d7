"""What people want to hear, and what keeps messages from them."""

from typing import Any
from uuid import uuid4

import pytest

Office = Any
MOBILE = "+447400123456"
NOTHING = dict.fromkeys(
    ("locale", "time_zone", "email_notice", "sms_notice", "email_marketing", "sms_marketing")
)


def choose(office: Office, **choices: Any) -> Any:
    return office.call("PATCH", "/preferences", choices, office.customer).get_json()["data"]


def failure(message: Any) -> Any:
    return message["failure"] and message["failure"]["kind"]


def test_nothing_is_chosen_in_the_beginning(office: Office) -> None:
    assert office.get("/preferences", office.customer).get_json()["data"] == NOTHING


def test_choices_are_kept_until_they_are_taken_back(office: Office) -> None:
    choose(office, locale="zh-CN", sms_notice=True)
    assert choose(office, email_notice=False) == {
        **NOTHING, "locale": "zh-CN", "sms_notice": True, "email_notice": False
    }  # fmt: skip
    assert choose(office, locale=None, sms_notice=None, email_notice=None) == NOTHING
    assert office.get("/preferences", office.customer).get_json()["data"] == NOTHING


@pytest.mark.parametrize(
    "choices",
    [{"locale": "fr"}, {"time_zone": "Mars/Base"}, {"sms_notice": "yes"}, {"sms_code": False}],
)
def test_choice_that_there_is_not_is_refused(office: Office, choices: Any) -> None:
    assert office.call("PATCH", "/preferences", choices, office.customer).status_code == 422
    assert office.get("/preferences", office.customer).get_json()["data"] == NOTHING


def test_marketing_goes_only_to_customers_who_asked_for_it(office: Office) -> None:
    office.register(office.customer_id)

    (refused,) = office.submit(template="announcement")
    choose(office, sms_marketing=True)
    (wanted,) = office.submit(template="announcement")

    assert failure(refused) == "not_wanted"
    assert wanted["state"] == "queued"


def test_notice_of_staff_goes_to_whoever_did_not_refuse(office: Office) -> None:
    office.register(office.customer_id)
    assert office.submit()[0]["state"] == "queued"

    choose(office, sms_notice=False)

    assert failure(office.submit()[0]) == "not_wanted"


def test_message_is_in_the_language_that_the_customer_chose(office: Office) -> None:
    office.register(office.customer_id)
    choose(office, locale="zh-CN")

    office.submit()
    office.work()

    assert office.primary.sent[0].text.startswith("【Platform】")


def test_marketing_waits_for_the_morning_of_the_customer(office: Office, clock: Any) -> None:
    office.register(office.customer_id)
    choose(office, sms_marketing=True)
    now = clock.now()
    clock.move((23 * 3600 - (now.hour * 3600 + now.minute * 60 + now.second)) % 86400)

    (waits,) = office.submit(template="announcement")
    choose(office, time_zone="America/New_York")
    (goes,) = office.submit(template="announcement")

    assert waits["due_at"][11:16] == "08:00"
    office.work()
    assert (office.state(waits), office.state(goes)) == ("queued", "sent")
    clock.move(9 * 3600 + 60)
    office.work()
    assert office.state(waits) == "sent"


def test_codes_come_whatever_was_chosen(office: Office) -> None:
    office.register(office.customer_id)
    choose(office, sms_notice=False, sms_marketing=False)
    office.send("verification.requested.v1", office.verification())
    office.work()

    assert [sms.params["code"] for sms in office.primary.sent] == ["493817"]


@pytest.mark.parametrize(
    ("scope", "spared"),
    [
        ("marketing", {"announcement"}),
        ("notices", {"announcement", "notice"}),
        ("all", {"announcement", "notice", "code"}),
    ],
)
def test_suppression_spares_what_its_scope_covers(
    office: Office, scope: str, spared: set[str]
) -> None:
    body = {"channel": "sms", "receiver": "+44 7400 123456", "scope": scope}
    added = office.call("POST", "/suppressions", body)
    assert (added.status_code, added.get_json()["data"]["receiver"]) == (201, MOBILE)

    office.send("verification.requested.v1", office.verification())
    found = {"code": office.listed()[-1]}
    for template in ("announcement", "notice"):
        (found[template],) = office.submit(template=template)

    assert {name for name, one in found.items() if failure(one) == "suppressed"} == spared
    other = office.submit("mei@example.com", channel="email")[0]
    assert other["state"] == "queued"


def test_suppression_can_be_listed_and_lifted(office: Office) -> None:
    body = {"channel": "email", "receiver": "Mei@Example.com", "scope": "all"}
    first = office.call("POST", "/suppressions", body).get_json()["data"]
    again = office.call("POST", "/suppressions", body).get_json()["data"]
    assert again == first and first["reason"] == "staff"
    (listed,) = office.get("/suppressions?receiver=mei@EXAMPLE.com").get_json()["data"]
    assert listed == first
    assert office.get("/suppressions?channel=sms").get_json()["data"] == []

    assert office.call("DELETE", f"/suppressions/{first['id']}").status_code == 204

    assert office.get("/suppressions").get_json()["data"] == []
    response = office.call("DELETE", f"/suppressions/{first['id']}")
    assert response.get_json()["code"] == "notifications.suppression_not_found"
    assert office.submit("mei@example.com", channel="email")[0]["state"] == "queued"


def test_marketing_mail_has_a_link_that_unsubscribes_in_one_click(office: Office) -> None:
    office.submit("mei@example.com", "announcement", "email")
    office.work()
    ((_, mail),) = office.post.mails
    link = mail["List-Unsubscribe"].strip("<>")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert link.startswith("http://127.0.0.1:5000/api/notifications/unsubscribe/")
    assert link in mail.get_body(("plain",)).get_content()
    path = link.removeprefix("http://127.0.0.1:5000")

    page = office.client.get(path)
    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert "m***@example.com" in page.get_data(as_text=True)
    assert office.get("/suppressions").get_json()["data"] == [], "scanners of mails follow links"

    done = office.client.post(path, data={"List-Unsubscribe": "One-Click"})

    assert done.status_code == 200
    assert failure(office.submit("mei@example.com", "announcement", "email")[0]) == "suppressed"
    assert office.submit("mei@example.com", "notice", "email")[0]["state"] == "queued"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_link_that_was_not_made_here_does_nothing(office: Office, method: str) -> None:
    response = office.client.open(f"/api/notifications/unsubscribe/{uuid4()}", method=method)

    assert (response.status_code, response.get_json()["code"]) == (
        400,
        "notifications.link_invalid",
    )
    assert office.get("/suppressions").get_json()["data"] == []
