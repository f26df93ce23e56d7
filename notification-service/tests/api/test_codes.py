"""Codes: brought to their receiver in time, and shown to nobody else."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from chassis.messaging.event import TerminalError

Office = Any
PURPOSES = {
    "verify_email": "confirm your e-mail address",
    "verify_phone": "confirm this number",
    "login": "your code to sign in",
    "reset_password": "choose a new password",
}


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("channel", ["sms", "email"])
def test_code_reaches_its_receiver(
    office: Office, event_schema: Any, purpose: str, channel: str
) -> None:
    receiver = "+447400123456" if channel == "sms" else "mei@example.com"
    code = "f3qk0Yt7uXw2mZ9sLb4c1A" if purpose == "reset_password" else "493817"
    data = office.verification(code, purpose=purpose, channel=channel, receiver=receiver)
    jsonschema.validate(data, event_schema("verification.requested.v1"))

    office.send("verification.requested.v1", data)
    office.work()

    (message,) = office.listed()
    assert (message["state"], message["category"]) == ("sent", "code")
    if channel == "sms":
        (sms,) = office.primary.sent
        assert sms.params == {"code": code, "minutes": "5"}
        assert PURPOSES[purpose] in sms.text and code in sms.text
    else:
        ((_, mail),) = office.post.mails
        assert code in mail.get_body(("plain",)).get_content()
        assert code not in mail["Subject"]


def test_reset_mail_has_a_link_whose_token_no_server_log_sees(office: Office) -> None:
    data = office.verification(
        "abc123-_", purpose="reset_password", channel="email", receiver="mei@example.com"
    )
    office.send("verification.requested.v1", data)
    office.work()

    ((_, mail),) = office.post.mails
    text = mail.get_body(("plain",)).get_content()
    assert "http://127.0.0.1:5000/reset-password#abc123-_" in text


def test_code_of_nobody_s_account_is_sent_all_the_same(office: Office) -> None:
    office.send("verification.requested.v1", office.verification(user_id=None, locale="zh"))
    office.work()

    assert office.primary.sent[0].text.startswith("【Platform】您的登录验证码是493817，5分钟内有效")


def test_code_that_is_not_valid_any_more_is_not_sent(office: Office, clock: Any) -> None:
    data = office.verification(seconds=60)
    clock.move(60)
    office.send("verification.requested.v1", data)
    assert office.listed() == []

    office.send("verification.requested.v1", office.verification(seconds=60))
    clock.move(60)
    office.work()

    assert [one["state"] for one in office.listed()] == ["expired"]
    assert office.primary.sent == []


def test_code_that_was_sealed_elsewhere_is_a_dead_letter(office: Office) -> None:
    with pytest.raises(TerminalError, match="code_sealed"):
        office.send("verification.requested.v1", office.verification(code_sealed="forged"))

    assert office.listed() == []


def test_number_that_gets_no_messages_is_let_go(office: Office) -> None:
    office.send("verification.requested.v1", office.verification(receiver="+442079460018"))

    assert office.listed() == []


def test_code_is_gone_from_the_database_when_it_was_sent(office: Office) -> None:
    office.send("verification.requested.v1", office.verification())
    assert office.rows("SELECT sealed IS NULL FROM messages") == [(False,)]
    office.work()

    assert office.rows("SELECT sealed IS NULL FROM messages") == [(True,)]
    assert office.broken() == []


def test_code_of_an_unknown_message_is_gone_when_it_is_of_no_use(
    office: Office, clock: Any, fails: Any
) -> None:
    from notification_service.tasks import forget

    office.primary.answers = [fails("unknown", "timeout")]
    office.send("verification.requested.v1", office.verification())
    office.work()
    clock.move(301)

    with office.app.app_context():
        forget()

    assert office.rows("SELECT state, sealed FROM messages") == [("unknown", None)]


@pytest.fixture
def written(office: Office) -> Iterator[io.StringIO]:
    """What the service logs, down to DEBUG, as it writes it."""
    root, stream = logging.getLogger(), io.StringIO()
    # The service's own writes to stdout; those of pytest are of classes of theirs.
    (handler,) = [one for one in root.handlers if type(one) is logging.StreamHandler]
    before = handler.setStream(stream), root.level
    root.setLevel(logging.DEBUG)
    yield stream
    handler.setStream(before[0])
    root.setLevel(before[1])


def test_neither_logs_nor_answers_hold_a_code_or_a_whole_receiver(
    office: Office, written: io.StringIO, fails: Any
) -> None:
    numbers = [f"+44740012345{number}" for number in range(4)]
    office.primary.answers = [fails("configuration"), KeyError("defect")]
    office.backup.answers = [fails("unknown", "timeout")]
    for purpose, number in zip(PURPOSES, numbers, strict=True):
        asked = office.verification(purpose=purpose, receiver=number)
        office.send("verification.requested.v1", asked)
    for _ in range(3):
        office.work()
    office.look_after()
    answers = json.dumps([office.message(one) for one in office.listed()])

    log = written.getvalue()
    assert "message not taken" in log and "provider broke down" in log and "message sent" in log
    assert "493817" not in log and not any(number in log for number in numbers)
    assert "493817" not in answers
