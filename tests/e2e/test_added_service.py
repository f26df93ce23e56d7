"""A service beside the platform's own, as its callers meet it: `up --with FOLDER`."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

Eventually = Callable[..., None]


@pytest.mark.parametrize(
    ("other", "state", "subject", "text"),
    [
        (2, "done", "Your computation is done", "7 ÷ 2 = 3.5"),
        (0, "failed", "Your computation failed", "7 ÷ 0: Nothing can be divided by zero"),
    ],
)
def test_job_is_done_and_its_caller_gets_a_mail(
    platform: Any, eventually: Eventually, other: int, state: str, subject: str, text: str
) -> None:
    client, email = platform.client, f"{uuid4().hex}@example.com"
    token = client.login(*platform.admin)
    inbox = f"/api/notifications/inbox/messages.json?receiver={email}"
    body = {"operation": "div", "value": 7, "other": other, "email": email}

    job = client.call("POST", "/api/compute", token=token, json=body)

    eventually(lambda: client.call("GET", job["url"], token=token)["state"] == state)
    eventually(lambda: client.call("GET", inbox))
    (mail,) = client.call("GET", inbox)
    assert mail["subject"] == subject
    assert mail["text"].startswith(text)
