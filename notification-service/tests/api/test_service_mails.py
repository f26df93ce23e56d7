"""Messages that other services ask for over the broker."""

import threading
from contextlib import closing
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest
from flask import Flask
from sqlalchemy import create_engine, insert, select

from chassis.database import current_session
from chassis.messaging.tables import inbox
from notification_service.models import Message
from notification_service.models.errors import ParamsInvalid, ReceiversInvalid
from notification_service.tasks import SEND_EMAIL, celery, send_email, send_sms

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


def test_mail_is_asked_for_again_where_the_database_had_no_answer(
    live_app: Flask,
) -> None:
    """Somebody else holds the key for longer than a statement may wait, and then gives it up."""
    row = {"consumer": SEND_EMAIL, "message_id": uuid5(NAMESPACE_URL, "compute.job:1")}
    engine = create_engine(live_app.config["SETTINGS"].database_url)
    with closing(engine.connect()) as holder, live_app.app_context():
        holder.execute(insert(inbox).values(row))
        giving_up = threading.Timer(2.5, holder.rollback)
        giving_up.start()
        result = send_email.apply(kwargs={"key": "compute.job:1", **MAIL})
        giving_up.join()
        messages = current_session().scalars(select(Message.id)).all()
    engine.dispose()
    assert result.state == "SUCCESS"
    assert [str(message) for message in messages] == result.get()


def test_other_services_may_call_these_and_nothing_else() -> None:
    others = [name for name, task in celery.tasks.items() if getattr(task, "rpc", False)]
    own = [name for name in others if name.startswith("notifications.")]
    assert sorted(own) == ["notifications.send_email", "notifications.send_sms"]
