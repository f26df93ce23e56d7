"""Changing the e-mail address of the own account."""

import pytest
from sqlalchemy import select

from user_service.models import User


@pytest.fixture
def ada(people):
    return people.register(email="ada@example.com", name="Ada")


def change(people, account, email, password=None):
    body = {"email": email, "current_password": password or account.password}
    return people.send("PUT", "/me/email", body, account.headers)


def verify(people, account, letter):
    body = {"verification_id": letter["verification_id"], "code": letter["code"]}
    return people.send("POST", "/me/email/verification/confirm", body, account.headers)


def test_a_new_address_is_unverified_gets_a_code_and_the_old_one_word_of_it(
    people, ada, post, published, check_event
):
    verify(people, ada, post("ada@example.com"))

    answer = change(people, ada, "countess@example.com")

    assert answer.status_code == 200
    user = answer.get_json()["data"]
    assert (user["email"], user["email_verified"]) == ("countess@example.com", False)
    updated, security, code = published()[-3:]
    assert (updated.data["email"], updated.data["email_verified"]) == (
        "countess@example.com",
        False,
    )
    assert (security.data["change"], security.data["email"]) == ("email_changed", "ada@example.com")
    assert (code.type, code.data["receiver"]) == (
        "verification.requested.v1",
        "countess@example.com",
    )
    for event in (updated, security, code):
        check_event(event)
    assert verify(people, ada, post("countess@example.com")).status_code == 200
    assert people.log_in("countess@example.com").status_code == 200
    assert people.log_in("ada@example.com").status_code == 401


def test_another_spelling_of_the_mailbox_stays_verified(people, ada, post, published):
    verify(people, ada, post("ada@example.com"))

    answer = change(people, ada, "Ada@Example.com")

    user = answer.get_json()["data"]
    assert (user["email"], user["email_verified"]) == ("Ada@Example.com", True)
    assert [event.type for event in published()][-1] == "user.updated.v1"


def test_the_same_address_changes_nothing(people, ada, published):
    before = len(published())

    answer = change(people, ada, "ada@example.com")

    assert (answer.status_code, answer.headers["ETag"]) == (200, '"1"')
    assert len(published()) == before


@pytest.mark.parametrize(
    ("email", "password", "status", "code", "fields"),
    [
        ("eve@example.com", None, 409, "users.email_taken", []),
        ("EVE@example.com", None, 409, "users.email_taken", []),
        ("new@example.com", "a wrong password", 422, "users.wrong_password", ["current_password"]),
        ("not an address", None, 422, "users.invalid_email", ["email"]),
        ("x", None, 422, "validation_failed", ["email"]),
    ],
)
def test_a_refused_change_changes_nothing(
    people, ada, session, rows, email, password, status, code, fields
):
    people.register(email="eve@example.com")
    before = rows()

    answer = change(people, ada, email, password)

    assert (answer.status_code, answer.get_json()["code"]) == (status, code)
    assert [problem["field"] for problem in answer.get_json()["errors"]] == fields
    assert session.scalars(select(User.email).where(User.id == ada.id)).one() == "ada@example.com"
    assert rows() == before


def test_tokens_that_went_to_the_old_address_are_useless(people, ada, post, clock):
    clock.move(31)
    people.send("POST", "/password/reset", {"email": "ada@example.com"})
    token = post("ada@example.com")["code"]
    change(people, ada, "countess@example.com")

    body = {"token": token, "new_password": "another long password"}
    answer = people.send("POST", "/password/reset/confirm", body)

    assert answer.get_json()["code"] == "users.invalid_reset_token"
    assert people.log_in("countess@example.com").status_code == 200


def test_an_address_that_has_just_got_a_code_is_taken_without_another(people, ada, published):
    people.send("POST", "/password/reset", {"email": "countess@example.com"})

    answer = change(people, ada, "countess@example.com")

    assert answer.status_code == 200
    assert [event.type for event in published()][-1] == "user.security_changed.v1"


def test_a_change_overtaken_by_another_password_changes_nothing(people, ada, session, overtake):
    overtake("matches")

    answer = change(people, ada, "countess@example.com")

    assert (answer.status_code, answer.get_json()["code"]) == (409, "users.password_changed")
    assert session.scalars(select(User.email)).one() == "ada@example.com"
