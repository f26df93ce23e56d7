"""What the replies of mail servers mean for us."""

import pytest

from notification_service.mail.bounces import Stage, refusal, return_path

GREETING, LOGIN, SENDER = Stage.GREETING, Stage.LOGIN, Stage.SENDER
RECEIVER, DATA = Stage.RECEIVER, Stage.DATA


@pytest.mark.parametrize(
    ("stage", "reply", "kind"),
    [
        # Nobody is there: the address is spared from now on.
        (RECEIVER, "550 5.1.1 no such user", "invalid_recipient"),
        (RECEIVER, "550 No such user", "invalid_recipient"),
        (RECEIVER, "550 5.1.10 null MX", "invalid_recipient"),
        (RECEIVER, "550 5.2.1 mailbox disabled", "invalid_recipient"),
        (RECEIVER, "551 user not local", "invalid_recipient"),
        (RECEIVER, "553 5.1.3 bad address", "invalid_recipient"),
        (RECEIVER, "553 mailbox name not allowed", "invalid_recipient"),
        (RECEIVER, "554 5.1.2 no such domain", "invalid_recipient"),
        (RECEIVER, "556 domain takes no mail", "invalid_recipient"),
        (DATA, "550 5.1.1 no such user", "invalid_recipient"),
        # The mail or we are refused, which is no reason to spare the receiver.
        (RECEIVER, "550 5.7.1 relaying denied", "configuration"),
        (RECEIVER, "554 5.7.1 blocked by policy", "configuration"),
        (RECEIVER, "501 bad parameters", "configuration"),
        (RECEIVER, "530 5.7.0 must issue STARTTLS", "configuration"),
        (DATA, "550 spam", "configuration"),
        (DATA, "554 5.7.1 spam", "configuration"),
        (DATA, "554 transaction failed", "configuration"),
        (DATA, "552 5.3.4 message too big", "configuration"),
        (DATA, "552 5.7.0 attachment not taken", "configuration"),
        (SENDER, "553 5.1.8 sender's domain not found", "configuration"),
        (SENDER, "550 not you", "configuration"),
        (SENDER, "552 5.3.4 message too big", "configuration"),
        (GREETING, "554 5.7.1 your address is blocked", "configuration"),
        (GREETING, "550 5.1.1 odd", "configuration"),
        (LOGIN, "535 5.7.8 wrong password", "configuration"),
        (LOGIN, "534 5.7.9 too weak", "configuration"),
        (LOGIN, "432 4.7.12 password must be changed", "configuration"),
        # A matter of this mailbox, for which the server is not ill.
        (RECEIVER, "552 5.2.2 mailbox full", "throttled_number"),
        (RECEIVER, "552 mailbox full", "throttled_number"),
        (RECEIVER, "550 5.2.2 over quota", "throttled_number"),
        (DATA, "552 5.2.2 over quota", "throttled_number"),
        (RECEIVER, "452 4.2.2 over quota", "throttled_number"),
        (DATA, "452 4.2.2 over quota", "throttled_number"),
        (RECEIVER, "450 4.2.0 greylisted", "throttled_number"),
        (RECEIVER, "450 busy", "throttled_number"),
        (RECEIVER, "451 4.7.1 greylisted", "throttled_number"),
        # We come too often.
        (GREETING, "421 4.7.0 too many connections", "throttled_account"),
        (RECEIVER, "421 4.7.0 unusual rate", "throttled_account"),
        (SENDER, "450 4.7.1 too much mail from you", "throttled_account"),
        (DATA, "451 4.7.0 slow down", "throttled_account"),
        (SENDER, "454 Throttling failure: maximum sending rate exceeded", "throttled_account"),
        (DATA, "454 4.7.0 daily quota", "throttled_account"),
        # It will pass.
        (GREETING, "421 shutting down", "retryable"),
        (GREETING, "454 4.7.0 TLS not available", "retryable"),
        (LOGIN, "454 4.7.0 temporary failure", "retryable"),
        (LOGIN, "421 4.7.0 later", "retryable"),
        (SENDER, "451 4.3.0 local error", "retryable"),
        (RECEIVER, "451 local error", "retryable"),
        (RECEIVER, "452 4.3.1 disk full", "retryable"),
        (RECEIVER, "452 4.5.3 too many receivers", "retryable"),
        (RECEIVER, "421 4.3.2 shutting down", "retryable"),
        (DATA, "451 4.3.0 queue error", "retryable"),
        (DATA, "421 shutting down", "retryable"),
        # No answer that SMTP knows.
        (SENDER, "250 5.1.1 what", "retryable"),
        (SENDER, "-1 what", "retryable"),
    ],
)
def test_a_reply_is_of_this_class(stage: Stage, reply: str, kind: str) -> None:
    code, _, text = reply.partition(" ")

    assert refusal(stage, int(code), text.encode()).kind == kind


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ("550 5.1.1 no", "550 5.1.1"),
        ("550 5.1.1", "550 5.1.1"),
        ("550 no", "550"),
        # A status of another class contradicts the code, and does not count.
        ("550 4.1.1 no", "550"),
        ("550 5.1 no", "550"),
        ("200 what", "malformed_answer"),
    ],
)
def test_the_code_is_the_servers_own(reply: str, code: str) -> None:
    number, _, text = reply.partition(" ")

    assert refusal(RECEIVER, int(number), text.encode()).code == code


def test_the_message_does_not_tell_whom_it_is_about() -> None:
    text = (
        b"5.1.1 <mei@example.org>: user unknown\n"
        b"5.1.1 see https://help.example/?u=mei 26-200206a170 \xff\x00"
    )

    message = refusal(RECEIVER, 550, text, "mei@example.org").message

    assert message == "5.1.1 <#>: user unknown 5.1.1 see # 26-#a170 \N{REPLACEMENT CHARACTER}"


def test_the_message_is_not_long() -> None:
    assert len(refusal(DATA, 554, b"no " * 1000).message) == 200


@pytest.mark.parametrize(
    ("bounce", "path"),
    [
        ("bounces@example.com", "bounces@example.com"),
        ("bounces+{id}@example.com", "bounces+01a1fe02@example.com"),
    ],
)
def test_bounces_can_come_back_by_message(bounce: str, path: str) -> None:
    assert return_path(bounce, "01a1fe02") == path
