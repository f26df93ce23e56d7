"""Codes that prove that an e-mail address or phone number is one's own."""

import pytest
from sqlalchemy import func, select

from user_service.models import User, Verification

PHONE = "+447400123456"
WRONG = {"000000": "000001"}


@pytest.fixture
def ada(people):
    return people.register(email="ada@example.com", name="Ada", phone=PHONE)


def wrong(code):
    return "000001" if code == "000000" else "000000"


def ask(people, account, channel):
    return people.send("POST", f"/me/{channel}/verification", {}, account.headers)


def confirm(people, account, channel, letter, code=None):
    body = {"verification_id": letter["verification_id"], "code": code or letter["code"]}
    return people.send("POST", f"/me/{channel}/verification/confirm", body, account.headers)


def test_the_code_of_the_registration_verifies_the_address(
    people, ada, post, published, check_event
):
    letter = post("ada@example.com")
    assert (letter["purpose"], letter["channel"], letter["locale"]) == (
        "verify_email",
        "email",
        "en",
    )

    answer = confirm(people, ada, "email", letter)

    assert answer.status_code == 200
    assert answer.headers["ETag"] == '"2"'
    user = answer.get_json()["data"]
    assert (user["email_verified"], user["phone_verified"], user["version"]) == (True, False, 2)
    event = published()[-1]
    assert event.type == "user.updated.v1"
    assert (event.data["email_verified"], event.data["phone_verified"]) == (True, False)
    check_event(event)


def test_a_phone_number_is_verified_and_its_owner_told(people, ada, post, published, check_event):
    asked = ask(people, ada, "phone")
    assert asked.status_code == 202
    assert set(asked.get_json()["data"]) == {"verification_id", "expires_at", "resend_at"}
    requested = published()[-1]
    assert (requested.type, requested.data["channel"]) == ("verification.requested.v1", "sms")
    check_event(requested)

    answer = confirm(people, ada, "phone", post(PHONE))

    assert answer.get_json()["data"]["phone_verified"] is True
    updated, security = published()[-2:]
    assert updated.data["phone_verified"] is True
    assert security.type == "user.security_changed.v1"
    assert security.data == {
        "user_id": str(ada.id),
        "change": "phone_verified",
        "email": "ada@example.com",
        "name": "Ada",
        "locale": "en",
    }
    check_event(security)


def test_a_message_is_in_the_language_of_the_account(people, post):
    people.register(email="ada@example.com", locale="zh-CN")

    assert post("ada@example.com")["locale"] == "zh-CN"


def test_a_wrong_code_says_how_many_attempts_are_left(people, ada, post, session):
    letter = post("ada@example.com")

    answer = confirm(people, ada, "email", letter, wrong(letter["code"]))

    assert (answer.status_code, answer.get_json()["code"]) == (422, "users.wrong_code")
    assert answer.get_json()["errors"] == [
        {"field": "code", "message": "Is wrong; 4 attempts left."}
    ]
    assert session.scalars(select(User.email_verified_at)).one() is None
    assert confirm(people, ada, "email", letter).status_code == 200


def test_a_code_is_burned_by_five_guesses(people, ada, post, session):
    letter = post("ada@example.com")
    for _ in range(5):
        confirm(people, ada, "email", letter, wrong(letter["code"]))

    answer = confirm(people, ada, "email", letter)

    assert (answer.status_code, answer.get_json()["code"]) == (422, "users.code_expired")
    assert session.scalars(select(User.email_verified_at)).one() is None


def test_a_code_is_good_once_and_for_five_minutes(people, ada, post, clock):
    first = post("ada@example.com")
    confirm(people, ada, "email", first)
    assert confirm(people, ada, "email", first).get_json()["code"] == "users.code_expired"
    clock.move(60)
    ask(people, ada, "phone")
    second = post(PHONE)

    clock.move(301)

    assert confirm(people, ada, "phone", second).get_json()["code"] == "users.code_expired"


def test_a_code_of_somebody_else_or_for_something_else_is_not_taken(people, ada, post, session):
    eve = people.register(email="eve@example.com")
    letter = post("ada@example.com")
    ask(people, ada, "phone")

    answers = [
        confirm(people, eve, "email", letter),
        confirm(people, ada, "phone", letter),
        people.send(
            "POST", "/login/sms/confirm", {k: letter[k] for k in ("verification_id", "code")}
        ),
        confirm(people, ada, "email", post(PHONE)),
    ]

    assert [answer.status_code for answer in answers] == [422] * 4
    assert {answer.get_json()["code"] for answer in answers} == {"users.code_expired"}
    verified = select(func.count()).where(User.email_verified_at.is_not(None))
    assert session.scalar(verified) == 0
    assert sum(session.scalars(select(Verification.attempts))) == 0


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["code", "verification_id"]),
        ({"verification_id": "x", "code": "123456"}, ["verification_id"]),
        ({"code": "12345"}, ["code", "verification_id"]),
        ({"code": "１２３４５６"}, ["code", "verification_id"]),
        ({"code": 123456}, ["code", "verification_id"]),
    ],
)
def test_what_is_no_code_is_no_attempt(people, ada, session, body, fields):
    answer = people.send("POST", "/me/email/verification/confirm", body, ada.headers)

    assert answer.status_code == 422
    assert sorted(problem["field"] for problem in answer.get_json()["errors"]) == fields
    assert sum(session.scalars(select(Verification.attempts))) == 0


def test_an_account_without_number_gets_no_sms(people, rows):
    eve = people.register()
    before = rows()

    answer = ask(people, eve, "phone")

    assert (answer.status_code, answer.get_json()["code"]) == (409, "users.no_phone")
    assert rows() == before


def test_another_number_is_unverified_and_the_owner_told(people, ada, post, published):
    ask(people, ada, "phone")
    confirm(people, ada, "phone", post(PHONE))
    version = people.me(ada).headers["ETag"]

    answer = people.send(
        "PATCH", "/me", {"phone": "+447400123457"}, {**ada.headers, "If-Match": version}
    )

    assert answer.get_json()["data"]["phone_verified"] is False
    updated, security = published()[-2:]
    assert (updated.type, updated.data["phone_verified"]) == ("user.updated.v1", False)
    assert (security.data["change"], security.data["email"]) == ("phone_changed", ada.email)


def test_a_code_to_the_old_number_does_not_verify_the_new_one(people, ada, post, session):
    ask(people, ada, "phone")
    letter = post(PHONE)
    people.send("PATCH", "/me", {"phone": "+447400123457"}, {**ada.headers, "If-Match": '"1"'})

    answer = confirm(people, ada, "phone", letter)

    assert answer.get_json()["code"] == "users.code_expired"
    assert session.scalars(select(User.phone_verified_at)).one() is None


def test_a_number_is_verified_by_one_account(people, ada, post, clock, session):
    eve = people.register(phone=PHONE)
    ask(people, ada, "phone")
    confirm(people, ada, "phone", post(PHONE))
    clock.move(31)
    ask(people, eve, "phone")

    answer = confirm(people, eve, "phone", post(PHONE))

    assert (answer.status_code, answer.get_json()["code"]) == (409, "users.phone_taken")
    owners = session.scalars(select(User.id).where(User.phone_verified_at.is_not(None))).all()
    assert owners == [ada.id]
