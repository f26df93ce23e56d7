"""A call without an answer: looked up where that is possible, and never just made again."""

from collections.abc import Callable
from typing import Any

import pytest

from chassis.database import transaction
from notification_service.providers.port import NeverSeen, NotSupported, Receipt, Submitted
from notification_service.services import outcomes
from notification_service.services.carriers import Parcel
from notification_service.services.outcomes import Call
from notification_service.services.queue import claim

Office = Any
Fails = Callable[..., Exception]


def receipt(state: str, provider_id: str = "found-1") -> Receipt:
    return Receipt(provider_id=provider_id, receiver=None, state=state, code="DELIVERED")  # type: ignore[arg-type]


@pytest.fixture
def lost(office: Office, fails: Fails) -> Any:
    """A message whose call had no answer."""
    office.primary.answers = [fails("unknown", "timeout")]
    (message,) = office.submit()
    office.work()
    assert office.state(message) == "unknown"
    return message


def test_message_without_an_answer_is_unknown_and_not_sent_again(
    office: Office, clock: Any, lost: Any
) -> None:
    for _ in range(100):
        clock.move(3600)
        office.work()
        office.look_after()

    assert office.state(lost) == "unknown"
    assert len(office.primary.sent) == 1 and office.backup.sent == []
    assert [one["state"] for one in office.message(lost)["attempts"]] == ["unknown"]


@pytest.mark.parametrize("state", ["sent", "delivered", "failed", "expired"])
def test_look_up_tells_what_became_of_it(office: Office, clock: Any, lost: Any, state: str) -> None:
    office.primary.lookups = [receipt(state)]

    assert office.look_after() == 0, "not before its time"
    clock.move(5)
    assert office.look_after() == 1

    assert office.state(lost) == state
    assert office.rows("SELECT provider_id FROM messages") == [("found-1",)]
    assert len(office.primary.sent) == 1


def test_look_ups_go_on_at_growing_distances_until_somebody_knows(
    office: Office, clock: Any, fails: Fails, lost: Any
) -> None:
    office.primary.lookups = [None, fails("retryable"), fails("unknown"), receipt("unknown"), None]
    office.primary.lookups.append(receipt("delivered"))

    waits = []
    while office.state(lost) == "unknown":
        clock.move(5)
        waits.append(office.look_after())

    assert [index for index, asked in enumerate(waits) if asked] == [0, 2, 6, 14, 30, 62]
    assert office.state(lost) == "delivered"


def test_message_that_was_certainly_never_seen_is_sent_again(
    office: Office, clock: Any, lost: Any
) -> None:
    office.primary.lookups = [NeverSeen() for _ in range(5)]

    for _ in range(11):
        clock.move(5)
        office.look_after()
    assert office.state(lost) == "unknown", "its call may still be on its way"
    while office.state(lost) == "unknown":
        clock.move(5)
        office.look_after()
    office.work()

    assert office.state(lost) == "sent"
    assert [one["state"] for one in office.message(lost)["attempts"]] == ["unknown", "accepted"]


def test_message_that_was_never_seen_is_not_sent_beyond_its_time(
    office: Office, clock: Any, fails: Fails
) -> None:
    office.primary.answers = [fails("unknown", "timeout")]
    (message,) = office.submit(expires_in=60)
    office.work()
    office.primary.lookups = [NeverSeen() for _ in range(9)]

    for _ in range(40):
        clock.move(5)
        office.look_after()
        office.work()

    assert office.message(message)["failure"] == {"kind": "unknown", "code": "never_seen"}
    assert office.state(message) == "expired" and len(office.primary.sent) == 1


def test_provider_that_cannot_be_asked_leaves_it_to_people(
    office: Office, clock: Any, lost: Any
) -> None:
    office.primary.lookups = [NotSupported()]
    clock.move(5)
    assert office.look_after() == 1

    clock.move(86400)
    assert office.look_after() == 0
    assert office.state(lost) == "unknown"

    response = office.call("POST", f"/{lost['id']}/resend")
    assert response.status_code == 202
    office.work()
    assert len(office.primary.sent) == 2


def test_adapter_that_breaks_down_leaves_the_message_unknown(office: Office) -> None:
    office.primary.answers = [KeyError("defect")]
    (message,) = office.submit()
    office.work()

    found = office.message(message)
    assert found["state"] == "unknown"
    assert [(one["kind"], one["code"]) for one in found["attempts"]] == [("unknown", "broke_down")]


def hold(office: Office) -> Parcel:
    """Claim a message as a worker does; stop here for one that dies before its call."""
    with office.app.app_context(), transaction() as session:
        (parcel,) = claim(session, 10, office.timing, office.now())
    return parcel


def begin(office: Office, parcel: Parcel) -> Call | None:
    """Write down a call; stop here for a worker that dies during it."""
    with office.app.app_context(), transaction() as session:
        return outcomes.begin_attempt(session, parcel, "primary", office.timing, office.now())


def finish(office: Office, call: Call | None) -> None:
    """Apply the provider's answer as a worker does."""
    assert call is not None
    with office.app.app_context(), transaction() as session:
        outcomes.accept(session, call, Submitted("late-1"), office.now())


def test_worker_that_dies_before_the_call_loses_nothing(office: Office, clock: Any) -> None:
    (message,) = office.submit()
    hold(office)
    assert office.work() == 0, "the lease protects a worker that is only slow"

    clock.move(46)
    office.look_after()

    assert office.state(message) == "queued"
    assert office.work() == 1
    assert len(office.primary.sent) == 1 and office.state(message) == "sent"


def test_worker_that_dies_during_the_call_sends_nothing_twice(office: Office, clock: Any) -> None:
    (message,) = office.submit()
    begin(office, hold(office))

    clock.move(46)
    office.look_after()

    assert office.state(message) == "unknown"
    assert office.work() == 0
    (attempt,) = office.message(message)["attempts"]
    assert (attempt["state"], attempt["code"]) == ("unknown", "worker_died")


def test_message_without_the_time_of_its_call_is_not_asked_for(
    office: Office, clock: Any, lost: Any, caplog: pytest.LogCaptureFixture
) -> None:
    office.change("UPDATE messages SET submitted_at = NULL")
    office.primary.lookups = [NeverSeen()]
    clock.move(120)

    assert office.look_after() == 1

    assert office.state(lost) == "unknown"
    assert office.primary.lookups != [], "nobody was asked"
    (record,) = [one for one in caplog.records if one.levelname == "ERROR"]
    assert record.getMessage() == "message cannot be asked for"
    clock.move(86400)
    assert office.look_after() == 0


def test_claim_that_was_lost_calls_nobody(office: Office, clock: Any) -> None:
    office.submit()
    parcel = hold(office)
    clock.move(46)
    office.look_after()

    assert begin(office, parcel) is None
    with office.app.app_context():
        office.delivery.deliver(parcel)
    assert office.primary.sent == []


def test_answer_that_comes_after_all_counts(office: Office, clock: Any) -> None:
    (message,) = office.submit()
    call = begin(office, hold(office))
    clock.move(46)
    office.look_after()

    finish(office, call)

    assert office.state(message) == "sent"
    assert [one["state"] for one in office.message(message)["attempts"]] == ["accepted"]
    assert office.broken() == []
