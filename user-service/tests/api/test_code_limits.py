"""How often codes are sent, and what is left of them."""

from datetime import datetime

import pytest
from sqlalchemy import select

from user_service import tasks as jobs
from user_service.models import Verification

PHONE = "+447400123456"


@pytest.fixture
def ask(people):
    return lambda email="nobody@example.com": people.send(
        "POST", "/password/reset", {"email": email}
    )


def test_the_pause_after_each_message_grows(ask, clock):
    waits = []
    for _ in range(4):
        answer = ask()
        assert answer.status_code == 202
        refused = ask()
        assert (refused.status_code, refused.get_json()["code"]) == (429, "users.too_many_codes")
        waits.append(int(refused.headers["Retry-After"]))
        clock.move(waits[-1])

    assert waits == [30, 60, 120, 120]


def test_an_address_gets_five_messages_an_hour(ask, clock):
    for _ in range(5):
        assert ask().status_code == 202
        clock.move(121)

    refused = ask()

    assert refused.status_code == 429
    assert 2990 < int(refused.headers["Retry-After"]) <= 2995
    clock.move(2995)
    assert ask().status_code == 202


def test_an_address_gets_ten_messages_a_day(ask, clock):
    for _ in range(10):
        assert ask().status_code == 202
        clock.move(1000)

    refused = ask()

    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) == 86400 - 10_000


def test_what_is_refused_leaves_nothing_and_does_not_lengthen_the_wait(ask, rows, published):
    ask()
    before = (rows(), len(published()))

    for _ in range(3):
        assert ask().status_code == 429

    assert (rows(), len(published())) == before


def test_the_answer_says_when_to_ask_again(ask, clock):
    data = ask().get_json()["data"]

    resend = datetime.fromisoformat(data["resend_at"])
    expires = datetime.fromisoformat(data["expires_at"])
    assert 29 <= (resend - clock.now()).total_seconds() <= 30
    assert 1799 <= (expires - clock.now()).total_seconds() <= 1800


def test_spellings_of_one_address_share_its_limit(ask):
    assert ask("ada@example.com").status_code == 202

    assert ask("ADA@Example.com").status_code == 429
    assert ask("eve@example.com").status_code == 202


def test_all_purposes_of_one_address_share_its_limit(people, ask):
    people.register(email="ada@example.com")

    assert ask("ada@example.com").status_code == 429


def test_one_account_gets_no_more_codes_by_changing_its_number(people):
    account = people.register(phone=PHONE)
    people.send("POST", "/me/phone/verification", {}, account.headers)
    headers = {**account.headers, "If-Match": '"1"'}
    assert people.send("PATCH", "/me", {"phone": "+447400123457"}, headers).status_code == 200

    answer = people.send("POST", "/me/phone/verification", {}, account.headers)

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "30")


def test_a_registration_goes_through_without_a_code_during_the_pause(people, ask, published):
    ask("ada@example.com")

    people.register(email="ada@example.com")

    assert [event.type for event in published()] == ["user.registered.v1"]


def test_verifications_are_deleted_after_a_day(ask, session, clock):
    ask("old@example.com")
    clock.move(86_390)
    ask("new@example.com")
    jobs.purge_verifications()
    assert len(session.scalars(select(Verification)).all()) == 2

    clock.move(20)
    jobs.purge_verifications()

    assert len(session.scalars(select(Verification)).all()) == 1
