"""Mails as they go out: headers, structure, and what no header may carry."""

import re
from collections.abc import Callable
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest

from chassis import clock
from notification_service.providers.port import ErrorClass, ProviderError

Letter = Callable[..., EmailMessage]
ID = "01a1fe02-49c0-76c4-a665-beb925eeeba4"
LINK = f"https://shop.example.com/api/notifications/unsubscribe/{'A' * 420}=="


def _parsed(message: EmailMessage) -> EmailMessage:
    return message_from_bytes(message.as_bytes(), policy=default)  # type: ignore[return-value]


def test_a_mail_has_these_headers_and_no_others(letter: Letter) -> None:
    message = _parsed(letter(reply_to="help@example.com"))

    sent_at = message["Date"].datetime
    assert abs(clock.now() - sent_at) < timedelta(minutes=1)
    headers = {name: str(value) for name, value in message.items() if name != "Date"}
    assert re.fullmatch(r'multipart/alternative; boundary="\S+"', headers.pop("Content-Type"))
    assert headers == {
        "From": "Platform <shop@example.com>",
        "To": "mei@example.org",
        "Reply-To": "help@example.com",
        "Subject": "Order confirmed",
        "Message-ID": f"<{ID}@example.com>",
        "Auto-Submitted": "auto-generated",
        "X-Entity-Ref-ID": ID,
        "MIME-Version": "1.0",
    }


def test_a_further_try_has_the_same_message_id(letter: Letter) -> None:
    first, second = letter(), letter(text="Thank you again.\n")

    assert first["Message-ID"] == second["Message-ID"] == f"<{ID}@example.com>"


def test_text_comes_first_and_html_is_the_better_alternative(letter: Letter) -> None:
    message = _parsed(letter(text="谢谢 & <b>\n", html="<p>谢谢 &amp; &lt;b&gt;</p>\n"))

    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]
    text, html = message.iter_parts()
    # Lines of text end with CRLF, also within base64 (RFC 2046, section 4.1.1).
    assert (text.get_content_charset(), text.get_content()) == ("utf-8", "谢谢 & <b>\r\n")
    assert html.get_content() == "<p>谢谢 &amp; &lt;b&gt;</p>\r\n"


def test_only_seven_bits_and_short_lines_go_out(letter: Letter) -> None:
    raw = letter(
        subject="订单已确认 " * 30,
        sender_name="张三的店铺" * 10,
        text=f"谢谢 {'x' * 3000}\n.\nline\rline\n",
        html=f"<p>{'y' * 3000}</p>",
        unsubscribe=LINK,
    ).as_bytes()

    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert raw.count(b"\r") == raw.count(b"\n") == raw.count(b"\r\n")


def test_a_subject_of_any_script_arrives(letter: Letter) -> None:
    subject = "您的订单 MF5VM-XG47D 已确认，感谢您的购买 🎉 Größe ½"

    assert _parsed(letter(subject=subject))["Subject"] == subject


def test_a_name_of_any_script_arrives(letter: Letter) -> None:
    name = 'Müller, "Tee" & 茶'

    (sender,) = _parsed(letter(sender_name=name))["From"].addresses
    assert (sender.display_name, sender.addr_spec) == (name, "shop@example.com")


def test_marketing_can_be_ended_with_one_click(letter: Letter) -> None:
    raw = letter(unsubscribe=LINK).as_bytes().decode()

    # In one piece: receivers do not put encoded words together here.
    assert f"\r\nList-Unsubscribe: <{LINK}>\r\n" in raw
    assert "\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in raw


def test_other_mails_offer_no_unsubscribing(letter: Letter) -> None:
    assert not [name for name in letter() if name.startswith("List-")]


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\r\n ", "\x0b", "\x85", "\u2028", "\0"])
def test_a_subject_stays_one_line(end: str, letter: Letter) -> None:
    message = _parsed(letter(subject=f"Sale{end}Bcc: all@example.org"))

    assert message["Subject"] == "Sale Bcc: all@example.org"
    assert message["Bcc"] is None


@pytest.mark.parametrize(
    "changes",
    [
        {"to": "mei@example.org\r\nBcc: all@example.org"},
        {"to": "mei@example.org, all@example.org"},
        {"to": "mei@example.org\u2028"},
        {"to": "nobody"},
        {"to": ""},
        {"sender_name": "Platform\r\nBcc: all@example.org"},
        {"sender_name": "Platform\nX: y"},
        {"sender": "shop@example.com\r\nX: y"},
        {"reply_to": "help@example.com\nX: y"},
        {"unsubscribe": "https://shop.example.com/\r\nX: y"},
    ],
)
def test_no_value_makes_a_header_of_its_own(changes: dict[str, Any], letter: Letter) -> None:
    with pytest.raises(ProviderError) as caught:
        letter(**changes)

    # Never `unknown`: nothing was sent.
    assert (caught.value.kind, caught.value.code) == (ErrorClass.CONFIGURATION, "malformed_mail")
    assert "example.org" not in f"{caught.value!r}"


@pytest.mark.parametrize("to", ["all<x@y.org>@example.org", '"a b"@example.org', "a,b@example.org"])
def test_an_odd_address_stays_one_address(to: str, letter: Letter) -> None:
    try:
        addresses = _parsed(letter(to=to))["To"].addresses
    except ProviderError:
        return
    assert len(addresses) == 1
    assert addresses[0].domain == "example.org"
