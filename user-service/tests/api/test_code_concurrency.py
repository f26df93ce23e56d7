"""Codes and tokens that are asked for, guessed and used at the same time, with real commits."""

from collections import Counter

import pytest
from sqlalchemy import func, select

from chassis.database import transaction
from user_service.models import LoginSession, User, Verification

PHONE = "+447400123456"
NEW = "another long password"


def codes(answers):
    return Counter(answer.get_json().get("code", answer.status_code) for answer in answers)


def numbers(live_app, *statements):
    with live_app.app_context(), transaction() as session:
        return [session.scalar(statement) for statement in statements]


@pytest.fixture
def ada(live_people, live_post, clock):
    people = live_people()
    account = people.register(email="ada@example.com", phone=PHONE)
    people.send("POST", "/me/phone/verification", {}, account.headers)
    [letter] = live_post(PHONE)
    body = {name: letter[name] for name in ("verification_id", "code")}
    people.send("POST", "/me/phone/verification/confirm", body, account.headers)
    clock.move(3600)
    return account


@pytest.fixture
def login_code(ada, live_people, live_post):
    live_people().send("POST", "/login/sms", {"phone": PHONE})
    return live_post(PHONE)[-1]


def test_parallel_guesses_are_five_altogether(live_app, live_people, at_once, login_code):
    wrong = [f"{(int(login_code['code']) + n) % 10**6:06d}" for n in range(1, 13)]
    people = [live_people() for _ in wrong]

    answers = at_once(
        *(
            lambda person=person, code=code: person.send(
                "POST",
                "/login/sms/confirm",
                {"verification_id": login_code["verification_id"], "code": code},
            )
            for person, code in zip(people, wrong, strict=True)
        )
    )

    assert codes(answers) == {"users.wrong_code": 5, "users.code_expired": 7}
    assert numbers(live_app, select(func.max(Verification.attempts))) == [5]


def test_one_code_used_at_once_opens_one_session(live_app, live_people, at_once, login_code):
    before = numbers(live_app, select(func.count()).select_from(LoginSession))
    people = [live_people() for _ in range(4)]
    body = {name: login_code[name] for name in ("verification_id", "code")}

    answers = at_once(
        *(
            lambda person=person: person.send("POST", "/login/sms/confirm", body)
            for person in people
        )
    )

    assert codes(answers) == {200: 1, "users.code_expired": 3}
    after = numbers(live_app, select(func.count()).select_from(LoginSession))
    assert after[0] - before[0] == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/login/sms", {"phone": "+447400999999"}),
        ("/password/reset", {"email": "nobody@example.com"}),
    ],
)
def test_requests_at_once_send_one_message(live_app, live_people, at_once, path, body):
    people = [live_people() for _ in range(6)]

    answers = at_once(*(lambda person=person: person.send("POST", path, body) for person in people))

    assert codes(answers) == {202: 1, "users.too_many_codes": 5}
    assert numbers(live_app, select(func.count()).select_from(Verification)) == [1]


def test_one_token_used_at_once_sets_one_password(live_people, live_post, at_once, ada):
    live_people().send("POST", "/password/reset", {"email": ada.email})
    token = live_post(ada.email)[-1]["code"]
    people = [live_people() for _ in range(3)]

    answers = at_once(
        *(
            lambda person=person, number=number: person.send(
                "POST", "/password/reset/confirm", {"token": token, "new_password": NEW + number}
            )
            for person, number in zip(people, "123", strict=True)
        )
    )

    assert codes(answers) == {200: 1, "users.invalid_reset_token": 2}
    [won] = [n for n, answer in zip("123", answers, strict=True) if answer.status_code == 200]
    assert people[0].log_in(ada.email, NEW + won).status_code == 200


def test_one_number_confirmed_by_two_accounts_at_once_is_one_accounts(
    live_app, live_people, live_post, at_once, clock
):
    people = [live_people(), live_people()]
    accounts = [person.register(phone=PHONE) for person in people]
    bodies = []
    for person, account in zip(people, accounts, strict=True):
        person.send("POST", "/me/phone/verification", {}, account.headers)
        bodies.append({name: live_post(PHONE)[-1][name] for name in ("verification_id", "code")})
        clock.move(60)

    answers = at_once(
        *(
            lambda person=person, account=account, body=body: person.send(
                "POST", "/me/phone/verification/confirm", body, account.headers
            )
            for person, account, body in zip(people, accounts, bodies, strict=True)
        )
    )

    assert codes(answers) == {200: 1, "users.phone_taken": 1}
    verified = select(func.count()).select_from(User).where(User.phone_verified_at.is_not(None))
    assert numbers(live_app, verified) == [1]


def test_a_login_during_a_reset_leaves_no_session_behind(
    live_app, live_people, live_post, at_once, login_code, ada
):
    live_people().send("POST", "/password/reset", {"email": ada.email})
    token = live_post(ada.email)[-1]["code"]
    first, second = live_people(), live_people()
    code = {name: login_code[name] for name in ("verification_id", "code")}
    reset = {"token": token, "new_password": NEW}

    answers = at_once(
        lambda: first.send("POST", "/password/reset/confirm", reset),
        lambda: second.send("POST", "/login/sms/confirm", code),
    )

    assert answers[0].status_code == 200
    live = select(func.count()).select_from(LoginSession).where(LoginSession.revoked_at.is_(None))
    assert numbers(live_app, live) == [0]
    if answers[1].status_code == 200:
        pair = answers[1].get_json()["data"]
        assert second.refresh(pair["refresh_token"]).status_code == 401
    else:
        assert answers[1].get_json()["code"] == "users.code_expired"
