"""Who may see and do what."""

from typing import Any
from uuid import UUID, uuid4

import pytest

Office = Any
NOBODY = UUID(int=7)
STAFF_ONLY = [
    ("POST", "/sms"),
    ("POST", "/email"),
    ("POST", f"/{NOBODY}/resend"),
    ("POST", f"/{NOBODY}/cancel"),
    ("GET", "/templates"),
    ("GET", "/templates/notice"),
    ("POST", "/templates/notice/preview"),
    ("GET", "/suppressions"),
    ("POST", "/suppressions"),
    ("DELETE", f"/suppressions/{NOBODY}"),
    ("GET", "/audit"),
    ("GET", "/receipts/urls"),
]


@pytest.mark.parametrize(("method", "path"), STAFF_ONLY)
def test_customers_and_strangers_are_refused(office: Office, method: str, path: str) -> None:
    assert office.call(method, path, {}, office.customer).status_code == 403
    assert office.call(method, path, {}, {}).status_code == 401
    assert office.listed() == []


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("GET", "/preferences")])
def test_nobody_sees_their_own_without_a_token(office: Office, method: str, path: str) -> None:
    assert office.call(method, path, None, {}).status_code == 401


def test_customers_see_their_own_messages_and_no_others(office: Office) -> None:
    office.register(office.customer_id)
    office.register(uuid4(), email="other@example.com", phone=None)

    (mine,) = office.get("", office.customer).get_json()["data"]

    assert (mine["receiver"], UUID(mine["user_id"])) == ("mei@example.com", office.customer_id)
    assert len(office.listed()) == 2
    foreign = next(one for one in office.listed() if one["id"] != mine["id"])
    assert office.get(f"/{mine['id']}", office.customer).status_code == 200
    response = office.get(f"/{foreign['id']}", office.customer)
    assert (response.status_code, response.get_json()["code"]) == (404, "notifications.not_found")


def test_staff_filters_the_list(office: Office) -> None:
    (sms,) = office.submit()
    (mail,) = office.submit("mei@example.com", channel="email")
    office.work()

    def found(query: str) -> list[str]:
        return [one["id"] for one in office.listed(f"&{query}")]

    assert found("channel=email") == [mail["id"]]
    assert found("receiver=%2B447400123456") == [sms["id"]]
    assert found(f"submission_id={sms['submission_id']}") == [sms["id"]]
    assert found(f"user_id={uuid4()}") == []
    assert found("state=queued") == []
    assert found("state=sent&template=notice&category=notice") == [sms["id"], mail["id"]]
    assert found("created_from=2000-01-01T00:00:00Z&created_to=2001-01-01T00:00:00Z") == []
    assert office.get("?state=lost").status_code == 422


def test_list_can_be_paged_by_cursor(office: Office) -> None:
    office.submit(["+447400123456", "+447400123457", "+447400123458"])

    first = office.get("?cursor=&per_page=2").get_json()
    cursor = first["meta"]["pagination"]["next_cursor"]
    second = office.get(f"?cursor={cursor}&per_page=2").get_json()

    assert len(first["data"] + second["data"]) == 3
    assert len({one["id"] for one in first["data"] + second["data"]}) == 3


def test_no_answer_holds_what_a_message_says(office: Office) -> None:
    (message,) = office.submit(params={"subject": "Sesame", "text": "open"})
    office.work()

    assert "Sesame" not in office.get(f"/{message['id']}").get_data(as_text=True)
    assert "Sesame" not in office.get("").get_data(as_text=True)
