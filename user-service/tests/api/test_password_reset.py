"""Resetting a forgotten password by mail."""

import pytest
from sqlalchemy import select

from user_service.models import User

NEW = "another long password"


@pytest.fixture
def ada(people, clock):
    account = people.register(email="ada@example.com", name="Ada")
    clock.move(60)
    return account


def ask(people, email="ada@example.com"):
    return people.send("POST", "/password/reset", {"email": email})


def confirm(people, token, password=NEW):
    body = {"token": token, "new_password": password}
    return people.send("POST", "/password/reset/confirm", body)


def reset(people, post, password=NEW):
    ask(people)
    return confirm(people, post("ada@example.com")["code"], password)


def test_a_token_replaces_the_password_and_ends_all_sessions(
    people, ada, post, reasons, tasks, published, check_event
):
    other = people.tokens(ada.email)

    answer = reset(people, post)

    assert (answer.status_code, answer.get_json()["data"]) == (200, None)
    assert reasons() == ["password_reset", "password_reset"]
    for token in (ada.access_token, other["access_token"]):
        assert people.me(token).get_json()["code"] == "token_revoked"
    for token in (ada.refresh_token, other["refresh_token"]):
        assert people.refresh(token).status_code == 401
    assert [name for name, _ in tasks()] == ["users.deny_tokens"]
    assert people.log_in(ada.email).status_code == 401
    assert people.log_in(ada.email, NEW).status_code == 200
    security = published()[-1]
    assert (security.type, security.data["change"]) == (
        "user.security_changed.v1",
        "password_reset",
    )
    check_event(security)


def test_the_mail_holds_a_token_of_128_bits_for_half_an_hour(people, ada, post, clock):
    answer = ask(people)

    letter = post("ada@example.com")
    assert (letter["purpose"], letter["channel"]) == ("reset_password", "email")
    assert len(letter["code"]) == 22
    assert letter["expires_at"][:19] == answer.get_json()["data"]["expires_at"][:19]
    clock.move(1801)
    assert confirm(people, letter["code"]).get_json()["code"] == "users.invalid_reset_token"
    assert people.log_in(ada.email).status_code == 200


def test_a_token_is_good_once_and_ends_the_others(people, ada, post, clock):
    ask(people)
    first = post("ada@example.com")["code"]
    clock.move(61)
    ask(people)
    second = post("ada@example.com")["code"]
    assert confirm(people, first).status_code == 200

    answers = [confirm(people, token, "a third long password") for token in (first, second)]

    assert [answer.status_code for answer in answers] == [422, 422]
    assert people.log_in(ada.email, NEW).status_code == 200


def test_a_changed_password_ends_the_tokens_on_their_way(people, ada, post):
    ask(people)
    token = post("ada@example.com")["code"]
    body = {"current_password": ada.password, "new_password": NEW}
    people.send("POST", "/me/password", body, ada.headers)

    assert confirm(people, token, "a third long password").status_code == 422
    assert people.log_in(ada.email, NEW).status_code == 200


@pytest.mark.parametrize("password", ["short", "Password123", "Example2026"])
def test_a_refused_password_does_not_use_up_the_token(people, ada, post, password):
    answer = reset(people, post, password)

    assert (answer.status_code, answer.get_json()["code"]) == (422, "users.weak_password")
    assert [problem["field"] for problem in answer.get_json()["errors"]] == ["new_password"]
    assert people.me(ada).status_code == 200
    assert confirm(people, post("ada@example.com")["code"]).status_code == 200


@pytest.mark.parametrize("token", ["x", "A" * 22, "000000", "ünïcode"])
def test_an_unknown_token_changes_nothing(people, ada, rows, hashes, token):
    before = rows()

    answer = confirm(people, token)

    assert (answer.status_code, answer.get_json()["code"]) == (422, "users.invalid_reset_token")
    assert [problem["field"] for problem in answer.get_json()["errors"]] == ["token"]
    # Guessing tokens costs us no hash.
    assert (rows(), hashes) == (before, [])


def test_a_closed_account_cannot_be_reset(people, ada, auth, post, session):
    ask(people)
    token = post("ada@example.com")["code"]
    before = session.scalars(select(User.password_hash)).one()
    people.send("POST", f"/{ada.id}/deactivate", headers=auth(roles=("admin",)))

    assert confirm(people, token).get_json()["code"] == "users.invalid_reset_token"
    assert session.scalars(select(User.password_hash)).one() == before


def test_a_code_is_no_token(people, ada, post):
    letter = post("ada@example.com")

    assert confirm(people, letter["code"]).get_json()["code"] == "users.invalid_reset_token"


def test_who_reads_the_mail_is_rid_of_a_number_that_was_there_before(people, ada, post, clock):
    """Somebody registers with another's address, and a number of their own to log in with."""
    number = "+447400123456"
    people.send("PATCH", "/me", {"phone": number}, {**ada.headers, "If-Match": '"1"'})
    people.send("POST", "/me/phone/verification", {}, ada.headers)
    letter = post(number)
    body = {"verification_id": letter["verification_id"], "code": letter["code"]}
    people.send("POST", "/me/phone/verification/confirm", body, ada.headers)
    clock.move(60)
    people.send("POST", "/login/sms", {"phone": number})
    on_its_way = post(number)
    assert on_its_way["purpose"] == "login"

    reset(people, post)

    body = {name: on_its_way[name] for name in ("verification_id", "code")}
    assert people.send("POST", "/login/sms/confirm", body).status_code == 422
    account = people.me(people.tokens(ada.email, NEW)["access_token"]).get_json()["data"]
    assert (account["email_verified"], account["phone_verified"]) == (True, False)


def test_failed_logins_of_before_do_not_delay_the_owner(people, ada, post):
    for _ in range(6):
        people.log_in(ada.email, "a wrong password")
    assert people.log_in(ada.email, ada.password).status_code == 429

    reset(people, post)

    assert people.log_in(ada.email, NEW).status_code == 200
