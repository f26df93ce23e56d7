import pytest
from sqlalchemy import select

from user_service.models import LoginSession, User


@pytest.fixture
def ada(people):
    return people.register(email="ada@example.com", name="Ada")


def patch(people, account, body, version='"1"'):
    headers = {**account.headers, **({"If-Match": version} if version else {})}
    return people.send("PATCH", "/me", body, headers)


def change_password(people, account, current, new):
    body = {"current_password": current, "new_password": new}
    return people.send("POST", "/me/password", body, account.headers)


def test_the_own_account_comes_with_its_version_as_etag(people, ada):
    answer = people.me(ada)

    assert answer.headers["ETag"] == '"1"'
    assert answer.get_json()["data"]["email"] == "ada@example.com"
    headers = {**ada.headers, "If-None-Match": '"1"'}
    assert people.send("GET", "/me", headers=headers).status_code == 304


def test_a_patch_changes_what_it_names_and_is_published(people, ada, published, check_event):
    answer = patch(people, ada, {"name": "Ada Lovelace"})

    assert answer.status_code == 200
    assert answer.headers["ETag"] == '"2"'
    data = answer.get_json()["data"]
    assert (data["name"], data["phone"], data["version"]) == ("Ada Lovelace", None, 2)
    event = published()[-1]
    assert (event.type, event.subject) == ("user.updated.v1", str(ada.id))
    assert event.data == {
        "user_id": str(ada.id),
        "email": "ada@example.com",
        "name": "Ada Lovelace",
        "phone": None,
        "locale": "en",
        "email_verified": False,
        "phone_verified": False,
        "role": "customer",
    }
    check_event(event)


def test_a_phone_number_can_be_removed(people, ada):
    patch(people, ada, {"phone": "+49 151 23456789"})

    answer = patch(people, ada, {"phone": None}, '"2"')

    assert answer.get_json()["data"]["phone"] is None


@pytest.mark.parametrize("body", [{}, {"name": "Ada"}])
def test_a_patch_that_changes_nothing_is_not_published(people, ada, published, body):
    before = len(published())

    answer = patch(people, ada, body)

    assert (answer.status_code, answer.headers["ETag"]) == (200, '"1"')
    assert len(published()) == before


@pytest.mark.parametrize(
    ("version", "status"), [('"2"', 412), ('"0"', 412), (None, 428), ('"x"', 400), ("*", 400)]
)
def test_a_patch_of_another_version_changes_nothing(
    people, ada, session, published, version, status
):
    before = len(published())

    assert patch(people, ada, {"name": "Eve"}, version).status_code == status

    assert session.scalars(select(User.name)).one() == "Ada"
    assert len(published()) == before


@pytest.mark.parametrize(
    "field",
    ["email", "role", "status", "id", "version", "password", "password_hash", "is_admin"],
)
def test_what_is_not_the_owners_to_change_is_refused(people, ada, session, published, field):
    before, answer_before = len(published()), people.me(ada).get_json()["data"]

    answer = patch(people, ada, {"name": "Eve", field: "admin"})

    assert answer.status_code == 422
    assert answer.get_json()["errors"] == [{"field": field, "message": "Unknown field."}]
    assert people.me(ada).get_json()["data"] == answer_before
    assert len(published()) == before


def test_a_password_change_ends_the_other_sessions_only(people, ada, session):
    other = people.tokens(ada.email)

    answer = change_password(people, ada, ada.password, "another long password")

    assert answer.status_code == 200
    assert people.me(ada).status_code == 200
    assert people.refresh(ada.refresh_token).status_code == 200
    assert people.me(other["access_token"]).get_json()["code"] == "token_revoked"
    assert people.refresh(other["refresh_token"]).status_code == 401
    reasons = select(LoginSession.revocation_reason).order_by(LoginSession.id)
    assert session.scalars(reasons).all() == [None, "password_changed"]


def test_after_a_password_change_only_the_new_one_opens(people, ada):
    change_password(people, ada, ada.password, "another long password")

    assert people.log_in(ada.email, ada.password).status_code == 401
    assert people.log_in(ada.email, "another long password").status_code == 200


@pytest.mark.parametrize(
    ("current", "new", "code", "field"),
    [
        ("wrong password", "another long password", "users.wrong_password", "current_password"),
        ("correct horse battery staple", "short", "users.weak_password", "new_password"),
        ("correct horse battery staple", "Password1", "users.weak_password", "new_password"),
        ("correct horse battery staple", "x" * 129, "validation_failed", "new_password"),
        ("correct horse battery staple", "", "validation_failed", "new_password"),
    ],
)
def test_a_refused_password_change_changes_nothing(people, ada, session, current, new, code, field):
    other = people.tokens(ada.email)
    before = session.scalars(select(User.password_hash)).one()

    answer = change_password(people, ada, current, new)

    assert answer.status_code == 422
    assert answer.get_json()["code"] == code
    assert [problem["field"] for problem in answer.get_json()["errors"]] == [field]
    assert session.scalars(select(User.password_hash)).one() == before
    assert people.me(other["access_token"]).status_code == 200


def test_the_account_of_a_token_that_no_longer_exists_is_not_found(people, auth):
    answer = people.send("GET", "/me", headers=auth())

    assert (answer.status_code, answer.get_json()["code"]) == (404, "users.not_found")


def test_a_password_change_that_was_overtaken_changes_nothing(people, ada, session, overtake):
    other = people.tokens(ada.email)
    overtake("hash")

    answer = change_password(people, ada, ada.password, "another long password")

    assert (answer.status_code, answer.get_json()["code"]) == (409, "users.password_changed")
    assert session.scalars(select(User.password_hash)).one() == "changed meanwhile"
    assert people.me(other["access_token"]).status_code == 200
