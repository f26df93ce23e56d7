"""Messages that other services ask for over the broker."""

from typing import Any

import pytest

from notification_service.models.errors import ParamsInvalid, ReceiversInvalid
from notification_service.tasks import celery, send_email, send_sms

Office = Any
MAIL: dict[str, Any] = {
    "receivers": ["mei@example.com"],
    "template": "notice",
    "params": {"subject": "Done", "text": "All is well."},
}


def ask(office: Office, key: str, **changes: Any) -> list[str]:
    with office.app.app_context():
        sent: list[str] = send_email(key, **{**MAIL, **changes})
    return sent


def test_mail_of_a_service_is_sent_once_for_each_key(office: Office) -> None:
    (first,) = ask(office, "compute.job:1")
    assert ask(office, "compute.job:1") == []
    assert len(ask(office, "compute.job:2", locale="zh-CN")) == 1
    office.work()

    assert [receiver for receiver, _ in office.post.mails] == ["mei@example.com"] * 2
    assert office.post.mails[0][1]["Subject"] == "Done"
    assert office.state({"id": first}) == "sent"


def test_refused_mail_leaves_its_key_free(office: Office) -> None:
    with pytest.raises(ReceiversInvalid):
        ask(office, "compute.job:1", receivers=["mei"])
    with pytest.raises(ParamsInvalid):
        ask(office, "compute.job:1", params={})

    assert len(ask(office, "compute.job:1")) == 1
    assert office.work() == 1


def test_sms_of_a_service_has_keys_of_its_own(office: Office) -> None:
    sms = {**MAIL, "receivers": ["+447400123456", "+8613812345678"]}
    ask(office, "compute.job:1")
    with office.app.app_context():
        sent = send_sms("compute.job:1", **sms)
        assert send_sms("compute.job:1", **sms) == []
    office.work()

    assert len(sent) == 2
    assert [one.to for one in office.primary.sent] == ["+447400123456", "+8613812345678"]


def test_other_services_may_call_these_and_nothing_else() -> None:
    others = [name for name, task in celery.tasks.items() if getattr(task, "rpc", False)]
    assert sorted(others) == ["notifications.send_email", "notifications.send_sms"]
