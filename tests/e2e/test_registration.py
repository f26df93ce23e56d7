"""Registering as a newcomer does: the code stands in the development inbox, and logs in."""

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
import requests

from platform_cli.shop_client import ApiError

Eventually = Callable[..., None]
SIX_DIGITS = re.compile(r"\b\d{6}\b")


class Inbox:
    """The development inbox of a platform, as the gateway shows it to anybody."""

    def __init__(self, base_url: str, receiver: str) -> None:
        self._url, self._receiver = f"{base_url}/api/notifications/inbox", receiver

    def messages(self) -> list[dict[str, Any]]:
        """Return what the receiver got, newest first."""
        query = {"receiver": self._receiver}
        answer = requests.get(f"{self._url}/messages.json", params=query, timeout=10)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["data"]
        return found

    def codes(self, channel: str) -> list[str]:
        """Return the codes that came by a channel, newest first."""
        texts = [one["text"] for one in self.messages() if one["channel"] == channel]
        return [found for text in texts for found in SIX_DIGITS.findall(text)]

    def page(self, path: str = "") -> requests.Response:
        """Return a page of it."""
        return requests.get(f"{self._url}{path}", timeout=10)


def register(platform: Any, **more: Any) -> tuple[dict[str, Any], Inbox]:
    """Make an account; return it and its inbox."""
    email = f"newcomer-{uuid4().hex[:12]}@example.com"
    body = {"email": email, "password": "correct horse battery", "name": "Mei", **more}
    account = platform.client.call("POST", "/api/users/register", json=body)
    return account, Inbox(platform.client.base_url, email)


@pytest.mark.parametrize("broker", ["platform", "rabbitmq_platform"])
def test_code_of_a_registration_stands_in_the_inbox_and_logs_in(
    broker: str, request: pytest.FixtureRequest, eventually: Eventually
) -> None:
    platform = request.getfixturevalue(broker)
    client = platform.client
    account, inbox = register(platform)
    eventually(lambda: inbox.codes("email"))
    [code] = inbox.codes("email")
    proof = {"verification_id": account["verification_id"], "code": code}

    pair = client.call("POST", "/api/users/register/confirm", json=proof)

    me = client.call("GET", "/api/users/me", token=pair["access_token"])
    assert (me["id"], me["email_verified"]) == (account["id"], True)
    with pytest.raises(ApiError) as again:
        client.call("POST", "/api/users/register/confirm", json=proof)
    assert again.value.code == "users.code_expired"


def test_newcomer_is_greeted_in_their_language(platform: Any, eventually: Eventually) -> None:
    _, inbox = register(platform, locale="zh-CN")

    eventually(lambda: len(inbox.messages()) == 2)

    assert {one["subject"] for one in inbox.messages()} == {"欢迎来到Platform", "请验证您的邮箱"}


def test_mail_is_shown_through_the_gateway_in_a_frame_without_rights(
    platform: Any, eventually: Eventually
) -> None:
    _, inbox = register(platform)
    eventually(lambda: inbox.codes("email"))
    [code] = inbox.codes("email")
    shown = next(one for one in inbox.messages() if code in one["text"])

    listed, message = inbox.page(), inbox.page(f"/{shown['id']}")
    frame = inbox.page(f"/{shown['id']}/html")

    assert f'href="/api/notifications/inbox/{shown["id"]}"' in listed.text
    assert code in listed.text
    assert f'<iframe sandbox="" src="/api/notifications/inbox/{shown["id"]}/html"' in message.text
    assert code in frame.text
    assert (listed.headers["X-Frame-Options"], frame.headers["X-Frame-Options"]) == (
        "DENY",
        "SAMEORIGIN",
    )
    assert "sandbox" in frame.headers["Content-Security-Policy"]
