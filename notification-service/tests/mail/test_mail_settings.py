"""The settings of mails: what cannot work is said at the start."""

from collections.abc import Callable
from typing import Any

import pytest

from notification_service.config import Config
from notification_service.mail.relay import Relay
from notification_service.mail.smtp import SmtpMail

SMTP = {"SMTP_HOST": "mail.example.com", "MAIL_FROM": "shop@example.com"}


@pytest.mark.parametrize(
    ("security", "port"), [("", 587), ("starttls", 587), ("tls", 465), ("none", 25)]
)
def test_the_port_follows_from_the_security(security: str, port: int) -> None:
    relay = Relay.from_settings({**SMTP, "SMTP_SECURITY": security, "SMTP_PORT": "0"})

    assert (relay.port, relay.timeout, relay.data_timeout) == (port, 10.0, 20.0)


def test_every_certificate_is_checked() -> None:
    tls = Relay.from_settings(SMTP).tls

    assert (tls.check_hostname, tls.verify_mode.name) == (True, "CERT_REQUIRED")


def test_a_password_is_not_shown() -> None:
    login = {"SMTP_USER": "shop", "SMTP_PASSWORD": "correct-horse"}

    assert "correct-horse" not in repr(Relay.from_settings({**SMTP, **login}))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"SMTP_HOST": ""}, "SMTP_HOST is missing"),
        ({"SMTP_HOST": "mail.example.com:25 x"}, "SMTP_HOST must be printable ASCII"),
        ({"SMTP_HOST": "mail/x"}, "SMTP_HOST and SMTP_HELO must be names of hosts"),
        ({"SMTP_HELO": "a\r\nb"}, "SMTP_HOST and SMTP_HELO must be names of hosts"),
        ({"SMTP_SECURITY": "ssl"}, "SMTP_SECURITY must be starttls, tls or none"),
        ({"SMTP_USER": "shop"}, "SMTP_USER and SMTP_PASSWORD come together"),
        ({"SMTP_PASSWORD": "x"}, "SMTP_USER and SMTP_PASSWORD come together"),
        (
            {"SMTP_USER": "shop", "SMTP_PASSWORD": "x", "SMTP_SECURITY": "none"},
            "SMTP_SECURITY=none would send SMTP_PASSWORD in clear",
        ),
        (
            {"SMTP_USER": "shop", "SMTP_PASSWORD": "ü"},
            "SMTP_USER and SMTP_PASSWORD must be ASCII",
        ),
        ({"SMTP_CA_FILE": "/nowhere/ca.pem"}, "SMTP_CA_FILE cannot be read"),
        ({"SMTP_TIMEOUT": "0.0"}, "SMTP_TIMEOUT must be more than 0"),
        ({"SMTP_DATA_TIMEOUT": "-1"}, "SMTP_DATA_TIMEOUT must be more than 0"),
    ],
)
def test_what_cannot_work_is_refused(changes: dict[str, str], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        SmtpMail.from_settings({**SMTP, **changes})


@pytest.fixture
def problems() -> Callable[..., list[str]]:
    """Return what is wrong with settings that need no more than these."""

    def find(**changes: Any) -> list[str]:
        url = "postgresql+psycopg2://x"
        needed = {"database_url": url, "redis_url": "redis://x", "secret_key": "secret"}
        return Config(**{**needed, **changes}).problems()

    return find


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"mail_from": "shop"}, "MAIL_FROM must be an address such as shop@example.com"),
        (
            {"mail_from": "shop@example.com\r\nBcc: x@y.org"},
            "MAIL_FROM must be an address such as shop@example.com",
        ),
        ({"mail_reply_to": "x y"}, "MAIL_REPLY_TO must be an address such as shop@example.com"),
        (
            {"mail_bounce": "b+{number}@example.com "},
            "MAIL_BOUNCE must be an address such as shop@example.com",
        ),
        ({"smtp_security": "ssl"}, "SMTP_SECURITY must be starttls, tls or none"),
        ({"smtp_port": 70_000}, "SMTP_PORT must be 0 to 65535"),
    ],
)
def test_a_service_with_wrong_settings_does_not_start(
    changes: dict[str, Any], problem: str, problems: Callable[..., list[str]]
) -> None:
    assert problem in problems(**changes)


def test_an_address_for_bounces_may_name_the_message(problems: Callable[..., list[str]]) -> None:
    assert problems(mail_bounce="bounces+{id}@mail.example.com") == []


def test_a_service_that_sends_mails_by_smtp_needs_a_server(
    problems: Callable[..., list[str]],
) -> None:
    path = "notification_service.mail.smtp:SmtpMail"

    assert problems(mail_transport=path) == ["MAIL_TRANSPORT: SMTP_HOST is missing"]
    assert problems(mail_transport=path, smtp_host="mail.example.com") == []
