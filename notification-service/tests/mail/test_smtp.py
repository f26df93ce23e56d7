"""Mails handed to a real server."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from typing import Any
from uuid import UUID, uuid4

import pytest

from notification_service.mail.smtp import SmtpMail
from notification_service.providers.port import ErrorClass, ProviderError

Letter = Callable[..., EmailMessage]
Open = Callable[..., Any]


def written(mail: Any, kind: str = "plain") -> str:
    """Return a part of a mail with the line ends that it was written with."""
    content: str = mail.message.get_body((kind,)).get_content()
    return content.replace("\r\n", "\n")


def test_the_server_gets_what_was_written(transport: SmtpMail, post: Any, letter: Letter) -> None:
    text = "..dots\n.\n\n.first\n谢谢\n" + "x" * 2000 + "\n"
    html = "<p>谢谢</p>\n<p>.</p>\n"

    submitted = transport.send("mei@example.org", letter(subject="已确认", text=text, html=html))

    (mail,) = post.mails
    assert (mail.sender, mail.receivers) == ("shop@example.com", ["mei@example.org"])
    assert submitted.provider_id == mail.message["Message-ID"]
    assert (submitted.state, submitted.segments) == ("sent", None)
    assert mail.message.get_content_type() == "multipart/alternative"
    assert mail.message["Subject"] == "已确认"
    assert written(mail) == text
    assert written(mail, "html") == html


def test_dots_arrive_where_lines_begin_with_them(
    transport: SmtpMail, post: Any, letter: Letter
) -> None:
    text = "..two\n.\n.one\n"

    transport.send("mei@example.org", letter(text=text))

    (mail,) = post.mails
    assert b"\r\n..two\r\n.\r\n.one\r\n" in mail.raw
    assert written(mail) == text


def test_bounces_go_to_an_address_that_names_the_message(
    open_transport: Open, post: Any, letter: Letter
) -> None:
    transport = open_transport(post.port, MAIL_BOUNCE="bounces+{id}@mail.example.com")
    message_id = UUID("01a1fe02-49c0-76c4-a665-beb925eeeba4")

    transport.send("mei@example.org", letter(id=message_id))

    (mail,) = post.mails
    assert mail.sender == f"bounces+{message_id.hex}@mail.example.com"
    assert mail.message["From"].addresses[0].addr_spec == "shop@example.com"
    # Receiving servers write this header, from the envelope.
    assert mail.message["Return-Path"] is None


def test_an_international_address_goes_to_a_server_that_takes_it(
    open_post: Open, open_transport: Open, letter: Letter
) -> None:
    post = open_post(enable_SMTPUTF8=True)

    open_transport(post.port).send("梅@例子.测试", letter(to="梅@例子.测试", subject="茶"))

    (mail,) = post.mails
    assert mail.receivers == ["梅@例子.测试"]
    assert {"SMTPUTF8", "BODY=8BITMIME"} <= set(mail.options)
    assert "\nTo: 梅@例子.测试\r\n" in mail.raw.decode()
    assert mail.message["Subject"] == "茶"


def test_an_international_address_is_refused_where_the_server_takes_none(
    transport: SmtpMail, post: Any, letter: Letter
) -> None:
    with pytest.raises(ProviderError) as caught:
        transport.send("梅@例子.测试", letter(to="梅@例子.测试"))

    assert (caught.value.kind, caught.value.code) == (ErrorClass.CONFIGURATION, "smtputf8")
    assert post.commands == []
    transport.send("mei@example.org", letter())
    assert post.connections == 1


@pytest.mark.parametrize(
    "receiver",
    [
        "mei@example.org>\r\nRCPT TO:<all@example.org",
        "mei@example.org\nDATA",
        "mei@example.org> NOTIFY=NEVER <x@example.org",
        "Mei <mei@example.org>",
        "mei@example.org, all@example.org",
        "",
    ],
)
def test_a_receiver_cannot_smuggle_commands(
    receiver: str, transport: SmtpMail, post: Any, letter: Letter
) -> None:
    with pytest.raises(ProviderError) as caught:
        transport.send(receiver, letter())

    assert (caught.value.kind, caught.value.code) == (ErrorClass.CONFIGURATION, "malformed_address")
    assert "example" not in f"{caught.value!r}"
    assert (post.mails, post.commands) == ([], [])


def test_a_batch_goes_over_one_connection(transport: SmtpMail, post: Any, letter: Letter) -> None:
    for number in range(30):
        transport.send(f"customer{number}@example.org", letter(id=uuid4()))

    assert [mail.receivers[0] for mail in post.mails] == [
        f"customer{number}@example.org" for number in range(30)
    ]
    assert post.connections == 1


def test_threads_never_share_a_connection(transport: SmtpMail, post: Any, letter: Letter) -> None:
    def send(number: int) -> str:
        to = f"customer{number}@example.org"
        return transport.send(to, letter(id=uuid4(), to=to, text=f"For {number}.\n")).provider_id

    with ThreadPoolExecutor(6) as pool:
        ids = list(pool.map(send, range(60)))

    assert Counter(mail.message["Message-ID"] for mail in post.mails) == Counter(ids)
    assert len(set(ids)) == 60
    for mail in post.mails:
        number = mail.receivers[0].removeprefix("customer").partition("@")[0]
        assert mail.message["To"] == mail.receivers[0]
        assert written(mail) == f"For {number}.\n"
    assert 1 <= post.connections <= 6


def test_a_connection_that_waited_too_long_is_not_used(
    open_transport: Open, post: Any, letter: Letter
) -> None:
    transport = open_transport(post.port, SMTP_IDLE="0")

    transport.send("mei@example.org", letter())
    transport.send("mei@example.org", letter())

    assert [mail.connection for mail in post.mails] == [0, 1]


@pytest.mark.parametrize(
    ("step", "reply", "kind", "code"),
    [
        ("MAIL", "451 4.3.0 later", "retryable", "451 4.3.0"),
        ("MAIL", "454 Throttling failure", "throttled_account", "454"),
        ("MAIL", "550 5.7.1 not you", "configuration", "550 5.7.1"),
        ("RCPT", "550 5.1.1 nobody", "invalid_recipient", "550 5.1.1"),
        ("RCPT", "451 later", "retryable", "451"),
        ("RCPT", "452 4.2.2 full", "throttled_number", "452 4.2.2"),
        ("BEFORE_DATA", "554 5.7.1 no", "configuration", "554 5.7.1"),
        ("BEFORE_DATA", "451 4.3.0 later", "retryable", "451 4.3.0"),
        ("DATA", "554 5.7.1 spam", "configuration", "554 5.7.1"),
        ("DATA", "451 4.3.0 later", "retryable", "451 4.3.0"),
        ("DATA", "550-5.1.1 nobody\r\n550 5.1.1 here", "invalid_recipient", "550 5.1.1"),
    ],
)
def test_a_refusal_is_told_and_the_next_mail_goes_over_the_same_connection(
    step: str, reply: str, kind: str, code: str, transport: SmtpMail, post: Any, letter: Letter
) -> None:
    post.next(step, reply)

    with pytest.raises(ProviderError) as caught:
        transport.send("mei@example.org", letter())
    transport.send("li@example.org", letter(to="li@example.org"))

    assert (caught.value.kind, caught.value.code) == (kind, code)
    assert [mail.receivers for mail in post.mails] == [["li@example.org"]]
    assert post.connections == 1


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "BEFORE_DATA", "DATA"])
def test_421_ends_the_connection_and_is_tried_again(
    step: str, transport: SmtpMail, post: Any, letter: Letter
) -> None:
    post.next(step, "421 4.3.2 shutting down")

    with pytest.raises(ProviderError) as caught:
        transport.send("mei@example.org", letter())
    transport.send("mei@example.org", letter())

    assert (caught.value.kind, caught.value.code) == (ErrorClass.RETRYABLE, "421 4.3.2")
    assert [mail.connection for mail in post.mails] == [1]
