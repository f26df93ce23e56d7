"""Limits of a receiver: what is over one waits where it can, and has failed otherwise."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from notification_service.wiring import POLICY, policy

Office = Any


def ask(office: Office, seconds: int = 300, **more: Any) -> Any:
    """Let the customer ask for a code; return its message."""
    known = {one["id"] for one in office.listed()}
    office.send("verification.requested.v1", office.verification(seconds=seconds, **more))
    (message,) = [one for one in office.listed() if one["id"] not in known]
    return message


def test_second_code_within_a_minute_waits_for_its_turn(office: Office, clock: Any) -> None:
    ask(office)
    office.work()
    clock.move(30)
    second = ask(office)

    assert office.work() == 0
    clock.move(29)
    assert office.work() == 0
    clock.move(1)
    assert office.work() == 1
    assert office.state(second) == "sent"


def test_code_that_could_only_come_too_late_has_failed(office: Office, clock: Any) -> None:
    for _ in range(5):
        ask(office)
        office.work()
        clock.move(60)

    sixth = ask(office)

    assert sixth["state"] == "failed"
    assert sixth["failure"] == {"kind": "limit_exceeded", "code": "limit_exceeded"}
    assert len(office.primary.sent) == 5
    clock.move(3600)
    assert ask(office)["state"] == "queued"


def test_limit_is_of_the_number_and_not_of_the_user(office: Office) -> None:
    ask(office)
    other = ask(office, receiver="+447400123457")

    assert office.work() == 2
    assert office.state(other) == "sent"


def test_notices_have_a_limit_of_their_own(office: Office) -> None:
    ask(office)
    office.submit()

    assert office.work() == 2


def test_cancelled_and_refused_messages_use_up_nothing(office: Office) -> None:
    for _ in range(60):
        (message,) = office.submit()
        office.call("POST", f"/{message['id']}/cancel")

    assert office.submit()[0]["state"] == "queued"


def test_fifty_notices_a_day(office: Office, clock: Any) -> None:
    first = office.now()
    for _ in range(50):
        office.submit()
    clock.move(10)

    (late,) = office.submit(expires_in=86_000)
    (patient,) = office.submit()

    assert late["failure"] == {"kind": "limit_exceeded", "code": "limit_exceeded"}
    due = datetime.fromisoformat(patient["due_at"])
    assert patient["state"] == "queued"
    assert timedelta(0) <= due - first - timedelta(days=1) < timedelta(seconds=10)


@pytest.fixture
def poor_office(office: Office) -> Any:
    """An office that may send three SMS a day."""
    with office.app.app_context():
        rich = policy()
    office.app.extensions[POLICY] = replace(rich, daily_budget=3)
    yield office
    office.app.extensions[POLICY] = rich


def test_budget_of_the_day_ends_sms_and_not_mails(poor_office: Office, clock: Any) -> None:
    numbers = [f"+4474001234{number}" for number in range(50, 55)]

    messages = poor_office.submit(numbers)

    assert [one["state"] for one in messages] == ["queued"] * 3 + ["failed"] * 2
    assert messages[3]["failure"] == {"kind": "budget_exhausted", "code": "budget_exhausted"}
    (mail,) = poor_office.submit("mei@example.com", channel="email")
    assert mail["state"] == "queued"
    clock.move(86401)
    assert poor_office.submit(numbers[3])[0]["state"] == "queued"
