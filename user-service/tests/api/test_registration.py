import pytest
from sqlalchemy import select

from user_service.models import User


def test_registering_makes_an_active_customer(people, session):
    body = people.registration(
        email="Ada@Example.com", name="Ada Lovelace", phone="+44 7400 123456"
    )

    answer = people.send("POST", "/register", body)

    assert answer.status_code == 201
    data = answer.get_json()["data"]
    assert set(data) == {
        "id", "email", "email_verified", "name", "phone", "phone_verified", "locale", "role",
        "status", "version", "created_at", "updated_at", "verification_id",
    }  # fmt: skip
    assert (data["email"], data["name"]) == ("Ada@Example.com", "Ada Lovelace")
    assert (data["phone"], data["role"], data["status"]) == ("+447400123456", "customer", "active")
    assert data["version"] == 1
    stored = session.scalars(select(User)).one()
    assert stored.email_canonical == "ada@example.com"
    assert stored.password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_a_registration_is_published_as_its_schema_says(people, published, check_event):
    answer = people.send("POST", "/register", people.registration(name="Ada"))

    user = answer.get_json()["data"]
    event, code = published()
    assert (event.type, event.subject) == ("user.registered.v1", user["id"])
    assert event.data == {
        "user_id": user["id"],
        "email": user["email"],
        "name": "Ada",
        "phone": None,
        "locale": "en",
        "email_verified": False,
        "phone_verified": False,
    }
    check_event(event)
    assert (code.type, code.data["purpose"]) == ("verification.requested.v1", "verify_email")
    assert (code.data["receiver"], code.data["user_id"]) == (user["email"], user["id"])
    assert code.data["verification_id"] == user["verification_id"]
    check_event(code)


@pytest.mark.parametrize(
    "same",
    [
        "ada@example.com",
        "ADA@EXAMPLE.COM",
        "ａｄａ@example.com",
        " ada@example.com ",
        "ada@ｅxample.com",
    ],
)
def test_one_mailbox_has_one_account(people, rows, published, same):
    people.send("POST", "/register", people.registration(email="ada@example.com"))
    before = rows()

    answer = people.send("POST", "/register", people.registration(email=same, name="Other"))

    assert answer.status_code == 409
    assert answer.get_json()["code"] == "users.email_taken"
    assert rows() == before
    assert len(published()) == 2


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"email": "no address"}, "users.invalid_email", "email"),
        ({"email": "a\u200bda@example.com"}, "users.invalid_email", "email"),
        ({"password": "short"}, "users.weak_password", "password"),
        ({"password": "Password123"}, "users.weak_password", "password"),
        ({"name": "Lovelace", "password": "lovelace1815"}, "users.weak_password", "password"),
        ({"name": "   "}, "validation_failed", "name"),
        ({"name": "a\u202eb"}, "validation_failed", "name"),
        ({"name": "x" * 201}, "validation_failed", "name"),
        ({"phone": "12345"}, "validation_failed", "phone"),
        ({"phone": "+0123456789"}, "validation_failed", "phone"),
        ({"phone": "+442079460018"}, "validation_failed", "phone"),
        ({"phone": "+8612345"}, "validation_failed", "phone"),
        ({"phone": "+447400123456 ext. 9"}, "validation_failed", "phone"),
        ({"locale": "tlh"}, "validation_failed", "locale"),
        ({"locale": None}, "validation_failed", "locale"),
    ],
)
def test_a_bad_registration_is_refused_with_its_field(
    people, rows, published, changes, code, field
):
    before = rows()

    answer = people.send("POST", "/register", people.registration(**changes))

    assert answer.status_code == 422
    assert answer.get_json()["code"] == code
    assert [problem["field"] for problem in answer.get_json()["errors"]] == [field]
    assert rows() == before
    assert published() == []


def test_a_password_is_kept_with_its_blanks(people):
    body = people.registration(password="  two blanks in front")
    people.send("POST", "/register", body)

    assert people.log_in(body["email"], "  two blanks in front").status_code == 200
    assert people.log_in(body["email"], "two blanks in front").status_code == 401


def test_no_answer_contains_a_password_or_hash(people):
    body = people.registration()
    answers = [people.send("POST", "/register", body), people.log_in(body["email"])]

    for answer in answers:
        assert body["password"] not in answer.text
        assert "argon2" not in answer.text
        assert "password" not in answer.get_json()["data"]


@pytest.fixture
def newcomer(people, post):
    """Register, and return what goes back: `verification_id` and `code`."""
    body = people.registration(email="ada@example.com")
    data = people.send("POST", "/register", body).get_json()["data"]
    return {"verification_id": data["verification_id"], "code": post("ada@example.com")["code"]}


def confirm(people, body):
    return people.send("POST", "/register/confirm", body)


def test_the_code_of_the_mail_verifies_the_address_and_logs_in(people, newcomer, published):
    answer = confirm(people, newcomer)

    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    pair = answer.get_json()["data"]
    account = people.me(pair["access_token"]).get_json()["data"]
    assert (account["email"], account["email_verified"]) == ("ada@example.com", True)
    assert people.refresh(pair["refresh_token"]).status_code == 200
    assert (published()[-1].type, published()[-1].data["email_verified"]) == (
        "user.updated.v1",
        True,
    )


def test_the_code_logs_in_once_and_five_guesses_burn_it(people, newcomer, session):
    wrong = {**newcomer, "code": f"{(int(newcomer['code']) + 1) % 10**6:06d}"}
    for _ in range(4):
        assert confirm(people, wrong).get_json()["code"] == "users.wrong_code"
    assert confirm(people, newcomer).status_code == 200

    assert confirm(people, newcomer).get_json()["code"] == "users.code_expired"
    assert session.scalars(select(User.email_verified_at)).one() is not None


def test_a_code_of_a_verified_address_opens_no_session(people, newcomer, post, clock, session):
    access = confirm(people, newcomer).get_json()["data"]["access_token"]
    clock.move(31)
    people.send("POST", "/me/email/verification", {}, {"Authorization": f"Bearer {access}"})
    letter = post("ada@example.com")

    answer = confirm(people, {name: letter[name] for name in ("verification_id", "code")})

    assert (answer.status_code, answer.get_json()["code"]) == (422, "users.code_expired")


def test_a_closed_account_is_not_opened_by_its_first_code(people, newcomer, auth, session):
    user_id = session.scalars(select(User.id)).one()
    people.send("POST", f"/{user_id}/deactivate", headers=auth(roles=("admin",)))

    answer = confirm(people, newcomer)

    assert (answer.status_code, answer.get_json()["code"]) == (403, "users.deactivated")
    assert session.scalars(select(User.email_verified_at)).one() is None
