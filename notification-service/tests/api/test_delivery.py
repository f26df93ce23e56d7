"""What follows on each kind of answer; a number that was refused is asked nowhere else."""

from collections.abc import Callable
from typing import Any

import pytest

from chassis.circuit_breaker import CircuitBreaker
from notification_service.models.receivers import Channel
from notification_service.providers.port import Submitted

Office = Any
Fails = Callable[..., Exception]


def calls(office: Office, message: Any) -> list[tuple[str, str, str | None]]:
    """Return (provider, state, kind) of each attempt."""
    attempts = office.message(message)["attempts"]
    return [(one["provider"], one["state"], one["kind"]) for one in attempts]


def test_accepted_message_is_sent_with_the_provider_and_its_time(office: Office) -> None:
    office.primary.answers = [Submitted("msg-1", 3)]
    (message,) = office.submit()
    assert (message["state"], message["tries"], message["provider"]) == ("queued", 0, None)

    office.work()

    found = office.message(message)
    assert (found["state"], found["provider"], found["segments"]) == ("sent", "primary", 3)
    assert found["tries"] == 1 and found["sent_at"] and not found["due_at"]
    assert calls(office, message) == [("primary", "accepted", None)]
    assert office.work() == 0
    assert office.broken() == []


def test_provider_that_knows_at_once_delivers(office: Office) -> None:
    office.primary.answers = [Submitted("msg-1", state="delivered")]
    (message,) = office.submit()
    office.work()

    found = office.message(message)
    assert found["state"] == "delivered" and found["settled_at"]


def test_ill_provider_is_asked_again_at_growing_distances(
    office: Office, clock: Any, fails: Fails
) -> None:
    office.primary.answers = [fails("retryable") for _ in range(3)]
    (message,) = office.submit()

    waits = []
    for _ in range(3):
        assert office.work() == 1
        assert office.state(message) == "queued"
        assert office.work() == 0, "not before its time"
        wait = next(seconds for seconds in range(1, 60) if moved(office, clock, 1))
        waits.append(wait)
    office.work()

    assert office.state(message) == "sent"
    assert waits == sorted(waits) and waits[0] <= 2 and 3 <= waits[2] <= 5
    assert len(calls(office, message)) == 4
    assert office.backup.sent == []


def moved(office: Office, clock: Any, seconds: float) -> bool:
    """Move the clock and tell whether something is due then."""
    clock.move(seconds)
    due = "SELECT 1 FROM messages WHERE state = 'queued' AND due_at <= :now"
    return bool(office.rows(due, now=clock.now()))


def test_provider_says_how_long_to_wait(office: Office, clock: Any, fails: Fails) -> None:
    office.primary.answers = [fails("throttled_number", retry_after=600)]
    (message,) = office.submit()
    office.work()

    clock.move(599)
    assert office.work() == 0
    clock.move(1)
    assert office.work() == 1
    assert office.state(message) == "sent"
    assert office.backup.sent == []


@pytest.mark.parametrize("kind", ["configuration", "balance", "throttled_account"])
def test_trouble_with_the_account_goes_to_the_next_provider(
    office: Office, fails: Fails, kind: str
) -> None:
    office.primary.answers = [fails(kind)]
    (message,) = office.submit()

    office.work()
    office.work()

    assert calls(office, message) == [
        ("primary", "refused", kind),
        ("backup", "accepted", None),
    ]
    assert office.message(message)["provider"] == "backup"
    assert len(office.primary.sent) == len(office.backup.sent) == 1
    assert office.primary.sent[0].id == office.backup.sent[0].id


@pytest.mark.parametrize("kind", ["configuration", "balance"])
def test_message_fails_when_every_account_is_in_trouble(
    office: Office, fails: Fails, kind: str
) -> None:
    office.primary.answers, office.backup.answers = [fails(kind, "a")], [fails(kind, "b")]
    (message,) = office.submit()
    office.work()
    office.work()

    assert office.message(message)["failure"] == {"kind": kind, "code": "b"}
    assert office.work() == 0


@pytest.mark.parametrize("kind", ["invalid_recipient", "suppressed"])
def test_bad_number_fails_at_once_and_is_asked_nowhere_else(
    office: Office, fails: Fails, kind: str
) -> None:
    office.primary.answers = [fails(kind, "isv.MOBILE_NUMBER_ILLEGAL")]
    (message,) = office.submit()
    office.work()

    found = office.message(message)
    assert found["state"] == "failed"
    assert found["failure"] == {"kind": kind, "code": "isv.MOBILE_NUMBER_ILLEGAL"}
    assert office.backup.sent == [] and office.work() == 0


def test_opt_out_at_the_provider_suppresses_the_number(office: Office, fails: Fails) -> None:
    office.primary.answers = [fails("suppressed", "21610")]
    office.submit()
    office.work()

    (again,) = office.submit()

    assert (again["state"], again["failure"]) == (
        "failed",
        {"kind": "suppressed", "code": "primary: 21610"},
    )
    assert len(office.primary.sent) == 1


def test_mailbox_that_does_not_exist_is_suppressed(office: Office, fails: Fails) -> None:
    office.post.answers = [fails("invalid_recipient", "550 5.1.1")]
    office.submit("mei@example.com", channel="email")
    office.work()

    (again,) = office.submit("MEI@example.com", channel="email")

    assert again["failure"] == {"kind": "suppressed", "code": "post: 550 5.1.1"}


def test_message_that_finds_nobody_in_time_expires(
    office: Office, clock: Any, fails: Fails
) -> None:
    office.primary.answers = [fails("retryable", "isp.SYSTEM_ERROR") for _ in range(3)]
    # Longer than the message is worth sending, whatever the jitter.
    office.primary.answers.append(fails("retryable", "isp.SYSTEM_ERROR", 60.0))
    (message,) = office.submit(expires_in=60)

    for _ in range(20):
        office.work()
        clock.move(1)

    found = office.message(message)
    assert len(office.primary.sent) == 4
    assert (found["state"], found["due_at"]) == ("expired", None)
    assert found["failure"] == {"kind": "retryable", "code": "isp.SYSTEM_ERROR"}


def test_message_that_waited_beyond_its_time_is_not_sent(office: Office, clock: Any) -> None:
    (message,) = office.submit(expires_in=60)

    clock.move(60)
    office.work()

    assert office.state(message) == "expired"
    assert office.primary.sent == []
    assert office.rows("SELECT sealed FROM messages") == [(None,)]


def test_open_breaker_sends_through_the_next_provider(office: Office, fails: Fails) -> None:
    primary = breaker(office, "primary")
    for _ in range(5):
        primary.failed()
    (message,) = office.submit()

    office.work()

    assert calls(office, message) == [("backup", "accepted", None)]
    assert office.primary.sent == []


def test_failures_of_a_provider_open_its_breaker(office: Office, clock: Any, fails: Fails) -> None:
    office.primary.answers = [fails("retryable") for _ in range(5)]
    office.submit([f"+4474001234{number}" for number in range(50, 55)])
    office.work()

    assert breaker(office, "primary").is_open
    clock.move(3)
    assert office.work() == 5
    assert len(office.backup.sent) == 5


def test_message_waits_while_every_breaker_is_open(office: Office, clock: Any) -> None:
    for name in ("primary", "backup"):
        for _ in range(5):
            breaker(office, name).failed()
    (message,) = office.submit()

    office.work()

    assert office.state(message) == "queued"
    assert calls(office, message) == []
    assert office.primary.sent == office.backup.sent == []
    assert moved(office, clock, 15)


def breaker(office: Office, name: str) -> CircuitBreaker:
    found: CircuitBreaker = office.delivery._carriers.named(Channel.SMS, name).breaker
    return found


def test_codes_go_before_notices_and_notices_before_marketing(office: Office) -> None:
    office.register(office.customer_id)
    office.call("PATCH", "/preferences", {"sms_marketing": True}, office.customer)
    office.submit(template="announcement")
    office.submit("+447400123457")
    office.send("verification.requested.v1", office.verification())

    order = []
    while office.work(most=1):
        order += [
            sms.params.get("code", sms.text[:20]) for sms in office.primary.sent[len(order) :]
        ]

    assert [one for one in order if one] == [
        "493817",
        "Platform: Done. All ",
        "Platform: Sale. All ",
    ]


def test_text_of_a_replaced_key_fails_instead_of_blocking(office: Office) -> None:
    (message,) = office.submit()
    office.change("UPDATE messages SET sealed = 'damaged'")

    office.work()

    assert office.message(message)["failure"] == {"kind": "content", "code": "content"}
    assert office.primary.sent == []
