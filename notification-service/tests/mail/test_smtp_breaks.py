"""What is certain when the server is silent or goes away."""

import socket
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from typing import Any

import pytest

from notification_service.mail.smtp import SmtpMail
from notification_service.providers.port import ErrorClass, ProviderError

Letter = Callable[..., EmailMessage]
Open = Callable[..., Any]
TO = "mei@example.org"


def _error(transport: SmtpMail, letter: Letter) -> tuple[str, str]:
    with pytest.raises(ProviderError) as caught:
        transport.send(TO, letter())
    return caught.value.kind.value, caught.value.code


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "BEFORE_DATA"])
@pytest.mark.parametrize(("act", "code"), [("hang", "timeout"), ("drop", "connection_lost")])
def test_before_the_content_a_break_is_retryable(
    step: str, act: str, code: str, hasty: SmtpMail, post: Any, letter: Letter
) -> None:
    post.next(step, act)

    assert _error(hasty, letter) == ("retryable", code)
    assert post.mails == []
    hasty.send(TO, letter())
    assert [mail.connection for mail in post.mails] == [1]


@pytest.mark.parametrize(
    ("act", "code", "taken"),
    [
        ("hang", "timeout", 0),
        ("drop", "connection_lost", 0),
        ("lose_slowly", "timeout", 1),
        ("lose", "connection_lost", 1),
    ],
)
def test_after_the_content_nobody_knows(
    act: str, code: str, taken: int, hasty: SmtpMail, post: Any, letter: Letter
) -> None:
    post.next("DATA", act)

    assert _error(hasty, letter) == ("unknown", code)
    # The two look the same from here, so it is not sent again.
    assert len(post.mails) == taken
    assert post.commands.count("DATA") == 1


def test_an_answer_that_is_none_leaves_it_unknown(
    hasty: SmtpMail, post: Any, letter: Letter
) -> None:
    post.next("DATA", "what?")

    assert _error(hasty, letter) == ("unknown", "malformed_answer")


def test_an_endless_answer_leaves_it_unknown(hasty: SmtpMail, post: Any, letter: Letter) -> None:
    post.next("DATA", "250 " + "x" * 10_000)

    assert _error(hasty, letter) == ("unknown", "connection_lost")


def test_an_answer_that_is_none_before_the_content_is_retryable(
    hasty: SmtpMail, post: Any, letter: Letter
) -> None:
    post.next("RCPT", "what?")

    assert _error(hasty, letter) == ("retryable", "malformed_answer")
    assert post.mails == []


def test_a_mail_whose_answer_was_lost_is_not_sent_again_over_a_kept_connection(
    hasty: SmtpMail, post: Any, letter: Letter
) -> None:
    hasty.send(TO, letter())
    post.next("DATA", "lose")

    assert _error(hasty, letter) == ("unknown", "connection_lost")
    assert len(post.mails) == 2


@pytest.mark.parametrize("act", ["drop", "hang", "421 4.4.2 idle for too long"])
@pytest.mark.parametrize("step", ["MAIL", "RCPT", "BEFORE_DATA"])
def test_a_kept_connection_that_ends_before_the_content_is_replaced_at_once(
    step: str, act: str, hasty: SmtpMail, post: Any, letter: Letter
) -> None:
    hasty.send(TO, letter())
    post.next(step, act)

    hasty.send(TO, letter())

    assert [mail.connection for mail in post.mails] == [0, 1]


def test_a_server_that_restarted_gets_the_next_mail(
    transport: SmtpMail, post: Any, letter: Letter
) -> None:
    transport.send(TO, letter())
    post.hang_up()

    transport.send(TO, letter())

    assert [mail.connection for mail in post.mails] == [0, 1]


def test_a_kept_connection_is_replaced_once_only(
    transport: SmtpMail, post: Any, letter: Letter
) -> None:
    transport.send(TO, letter())
    post.next("MAIL", "drop", "drop")

    assert _error(transport, letter) == ("retryable", "connection_lost")
    assert post.connections == 2


@pytest.mark.parametrize("security", ["none", "starttls", "tls"])
def test_a_server_that_says_nothing_is_not_waited_for(
    security: str, silent: int, open_transport: Open, letter: Letter
) -> None:
    transport = open_transport(silent, SMTP_SECURITY=security, SMTP_TIMEOUT="0.25")

    assert _error(transport, letter) == ("retryable", "timeout")


def test_a_server_that_is_away_is_retryable(
    unused_port: int, open_transport: Open, letter: Letter
) -> None:
    assert _error(open_transport(unused_port), letter) == ("retryable", "connection")


def test_a_name_that_nobody_knows_is_retryable(open_transport: Open, letter: Letter) -> None:
    transport = open_transport(25, SMTP_HOST="mail.invalid")

    assert _error(transport, letter) == (ErrorClass.RETRYABLE.value, "connection")


@pytest.fixture
def unused_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
