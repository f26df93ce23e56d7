"""The development inbox: everything as it went out, in no production."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from notification_service.wiring import POLICY, policy

Office = Any


@pytest.fixture
def filled(office: Office) -> Any:
    """An office that has sent a code by SMS and a mail with HTML in it."""
    office.send("verification.requested.v1", office.verification())
    office.work()
    params = {"subject": "<b>Hi</b>", "text": "<img src=x onerror=alert(1)>"}
    office.submit("mei@example.com", channel="email", params=params)
    office.work()
    return office


def shown(office: Office, query: str = "") -> list[Any]:
    found: list[Any] = office.client.get(
        f"/api/notifications/inbox/messages.json{query}"
    ).get_json()["data"]
    return found


def test_scripts_read_the_newest_messages_first(filled: Office) -> None:
    mail, sms = shown(filled)

    assert (sms["channel"], sms["receiver"], sms["subject"]) == ("sms", "+447400123456", None)
    assert "493817" in sms["text"] and sms["html"] is None
    assert (mail["channel"], mail["receiver"], mail["subject"]) == (
        "email",
        "mei@example.com",
        "<b>Hi</b>",
    )
    assert mail["html"].startswith("<!doctype html>")


def test_one_receiver_can_be_asked_for(filled: Office) -> None:
    assert [one["channel"] for one in shown(filled, "?receiver=MEI@example.com")] == ["email"]
    assert [one["channel"] for one in shown(filled, "?receiver=%2B447400123456")] == ["sms"]
    assert shown(filled, "?receiver=%25") == []


@pytest.mark.parametrize("path", ["", "/"])
def test_page_lists_messages_and_loads_itself_again(filled: Office, path: str) -> None:
    response = filled.client.get(f"/api/notifications/inbox{path}")
    html = response.get_data(as_text=True)

    assert (response.status_code, response.mimetype) == (200, "text/html")
    assert '<meta http-equiv="refresh"' in html
    assert "493817" in html and "&lt;b&gt;Hi&lt;/b&gt;" in html and "<b>Hi" not in html
    for one in shown(filled):
        assert f'href="/api/notifications/inbox/{one["id"]}"' in html
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


def test_mail_is_shown_in_a_sandboxed_frame_with_text_and_headers(filled: Office) -> None:
    mail = shown(filled)[0]
    html = filled.client.get(f"/api/notifications/inbox/{mail['id']}").get_data(as_text=True)

    assert f'<iframe sandbox="" src="/api/notifications/inbox/{mail["id"]}/html"' in html
    assert "&lt;img src=x onerror=alert(1)&gt;" in html and "<img" not in html
    assert "Message-ID: &lt;" in html and "To: mei@example.com" in html


def test_frame_allows_nothing(filled: Office) -> None:
    mail = shown(filled)[0]
    response = filled.client.get(f"/api/notifications/inbox/{mail['id']}/html")
    rules = response.headers["Content-Security-Policy"].split("; ")

    assert {"sandbox", "default-src 'none'", "form-action 'none'"} <= set(rules)
    assert response.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_unknown_message_is_not_found(filled: Office) -> None:
    path = "/api/notifications/inbox/0198c5b2-6f3e-7c41-9a57-2d1f0b8e4c63"

    assert filled.client.get(path).status_code == 404
    assert filled.client.get(f"{path}/html").status_code == 404


@pytest.fixture
def production(office: Office) -> Iterator[Any]:
    """An office in production."""
    app = office.app
    development = app.config["SETTINGS"]
    with app.app_context():
        shows = policy()
    app.config["SETTINGS"] = replace(development, platform_env="production")
    app.extensions[POLICY] = replace(shows, shows=False)
    office.delivery._policy = app.extensions[POLICY]
    yield office
    app.config["SETTINGS"], app.extensions[POLICY] = development, shows


def test_production_has_no_inbox_and_writes_nothing_into_it(production: Office) -> None:
    production.send("verification.requested.v1", production.verification())
    production.work()

    assert len(production.primary.sent) == 1
    assert production.rows("SELECT count(*) FROM shown_messages") == [(0,)]
    for path in ("", "/messages.json", "/0198c5b2-6f3e-7c41-9a57-2d1f0b8e4c63"):
        assert production.client.get(f"/api/notifications/inbox{path}").status_code == 404


def test_inbox_forgets_after_a_week(filled: Office, clock: Any) -> None:
    from notification_service.tasks import forget

    clock.move(7 * 86400 + 1)
    with filled.app.app_context():
        forget()

    assert shown(filled) == []
    assert filled.rows("SELECT count(sealed), count(*) FROM messages") == [(0, 2)]
