"""Logging in with a code by SMS."""

import pytest
from sqlalchemy import select

from user_service.models import LoginSession, Verification

PHONE = "+447400123456"


@pytest.fixture
def ada(people, post, clock):
    """Somebody with a verified number, who asked for no code in the last hour."""
    account = people.register(email="ada@example.com", phone=PHONE)
    people.send("POST", "/me/phone/verification", {}, account.headers)
    letter = post(PHONE)
    body = {"verification_id": letter["verification_id"], "code": letter["code"]}
    verified = people.send("POST", "/me/phone/verification/confirm", body, account.headers)
    assert verified.status_code == 200
    clock.move(3600)
    return account


def ask(people, phone=PHONE):
    return people.send("POST", "/login/sms", {"phone": phone})


def confirm(people, verification_id, code):
    body = {"verification_id": verification_id, "code": code}
    return people.send("POST", "/login/sms/confirm", body)


def test_a_code_opens_a_session_like_a_password(people, ada, post, published, check_event):
    asked = ask(people, "+44 (0)7400 123456")
    assert asked.status_code == 202
    letter = post(PHONE)
    assert (letter["purpose"], letter["channel"], letter["user_id"]) == (
        "login",
        "sms",
        str(ada.id),
    )
    assert letter["verification_id"] == asked.get_json()["data"]["verification_id"]
    check_event(published()[-1])

    answer = confirm(people, letter["verification_id"], letter["code"])

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    pair = answer.get_json()["data"]
    assert set(pair) == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert people.me(pair["access_token"]).get_json()["data"]["id"] == str(ada.id)
    assert people.refresh(pair["refresh_token"]).status_code == 200


def test_a_login_code_is_good_once(people, ada, post):
    ask(people)
    letter = post(PHONE)
    confirm(people, letter["verification_id"], letter["code"])

    answer = confirm(people, letter["verification_id"], letter["code"])

    assert (answer.status_code, answer.get_json()["code"]) == (422, "users.code_expired")


def test_a_number_that_was_only_typed_in_opens_nothing(people, published):
    people.register(phone="+447400999999")
    before = len(published())

    answer = ask(people, "+447400999999")

    assert answer.status_code == 202
    assert len(published()) == before


def test_a_closed_account_gets_no_code_and_opens_with_none(people, ada, auth, post, published):
    ask(people)
    letter = post(PHONE)
    people.send("POST", f"/{ada.id}/deactivate", headers=auth(roles=("admin",)))
    before = len(published())

    answer = confirm(people, letter["verification_id"], letter["code"])

    assert (answer.status_code, answer.get_json()["code"]) == (403, "users.deactivated")
    assert len(published()) == before


def test_a_closed_account_is_not_written_to(people, ada, auth, published):
    people.send("POST", f"/{ada.id}/deactivate", headers=auth(roles=("admin",)))
    before = len(published())

    assert ask(people).status_code == 202

    assert len(published()) == before


def test_guesses_open_no_session(people, ada, post, session):
    sessions = len(session.scalars(select(LoginSession)).all())
    ask(people)
    letter = post(PHONE)
    wrong = f"{(int(letter['code']) + 1) % 10**6:06d}"

    answers = [confirm(people, letter["verification_id"], wrong) for _ in range(6)]

    codes = [answer.get_json()["code"] for answer in answers]
    assert codes == ["users.wrong_code"] * 5 + ["users.code_expired"]
    assert confirm(people, letter["verification_id"], letter["code"]).status_code == 422
    assert len(session.scalars(select(LoginSession)).all()) == sessions


def test_a_newer_code_leaves_the_older_one_good(people, ada, post, clock):
    # Else anybody who knows a number could keep its owner from logging in.
    ask(people)
    letter = post(PHONE)
    clock.move(31)
    ask(people)

    assert confirm(people, letter["verification_id"], letter["code"]).status_code == 200


def test_a_code_is_stored_as_a_digest_only(people, ada, post, session):
    ask(people)
    letter = post(PHONE)

    stored = session.scalars(select(Verification).order_by(Verification.id.desc())).first()

    assert (len(stored.secret_digest), len(stored.receiver_digest)) == (32, 32)
    kept = f"{stored.__dict__}"
    assert letter["code"] not in kept.replace(str(stored.id), "")
    assert PHONE not in kept


@pytest.mark.parametrize("phone", ["", "07400 123456", "+442079460018", "+8612345", 447400123456])
def test_what_is_no_mobile_number_is_refused(people, rows, phone):
    before = rows()

    answer = ask(people, phone)

    assert (answer.status_code, answer.get_json()["code"]) == (422, "validation_failed")
    assert [problem["field"] for problem in answer.get_json()["errors"]] == ["phone"]
    assert rows() == before
