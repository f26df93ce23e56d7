from uuid import uuid4

import pytest
from sqlalchemy import select, update

from chassis.database import transaction
from user_service.models import LoginSession, User


@pytest.fixture
def admin(people, session):
    """An administrator with a session; nobody else is one."""
    account = people.register(email="root@example.com", name="Root")
    with transaction():
        session.execute(update(User).where(User.id == account.id).values(role="admin"))
    tokens = people.tokens(account.email)
    account.access_token = tokens["access_token"]
    return account


@pytest.fixture
def ada(people):
    return people.register(email="ada@example.com", name="Ada Lovelace")


def act(people, admin, method, path, body=None):
    return people.send(method, path, body, headers=admin.headers)


def listed(people, admin, query=""):
    answer = act(people, admin, "GET", f"/?{query}")
    assert answer.status_code == 200, answer.get_json()
    return [user["email"] for user in answer.get_json()["data"]]


def state(session):
    return session.execute(select(User.email, User.role, User.status).order_by(User.id)).all()


def test_accounts_are_listed_newest_first_with_totals(people, admin, ada):
    answer = act(people, admin, "GET", "?per_page=1")

    assert [user["email"] for user in answer.get_json()["data"]] == ["ada@example.com"]
    pagination = answer.get_json()["meta"]["pagination"]
    assert (pagination["page"], pagination["per_page"], pagination["total"]) == (1, 1, 2)
    assert 'rel="next"' in answer.headers["Link"]
    assert listed(people, admin, "per_page=1&page=2") == ["root@example.com"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("search=lovelace", ["ada@example.com"]),
        ("search=ADA", ["ada@example.com"]),
        ("search=ADA@EXAMPLE.COM", ["ada@example.com"]),
        ("search=%40example", ["ada@example.com", "root@example.com"]),
        ("search=%25", []),
        ("search=_", []),
        ("search=/", []),
        ("search=%5C", []),
        ("search=' OR 1=1 --", []),
        ("role=admin", ["root@example.com"]),
        ("role=customer", ["ada@example.com"]),
        ("status=deactivated", []),
        ("status=active&search=root", ["root@example.com"]),
    ],
)
def test_filters_are_taken_literally(people, admin, ada, query, found):
    assert listed(people, admin, query) == found


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("role=owner", "role"),
        ("status=asleep", "status"),
        ("page=0", "page"),
        ("page=1.5", "page"),
        ("per_page=101", "per_page"),
        ("sort=email", "sort"),
        ("search=%00", "search"),
    ],
)
def test_an_unknown_filter_is_refused(people, admin, query, field):
    answer = act(people, admin, "GET", f"?{query}")

    assert answer.status_code == 422
    assert [problem["field"] for problem in answer.get_json()["errors"]] == [field]


def test_an_account_can_be_read_by_id(people, admin, ada):
    answer = act(people, admin, "GET", f"/{ada.id}")

    assert answer.get_json()["data"]["email"] == "ada@example.com"
    assert act(people, admin, "GET", f"/{uuid4()}").get_json()["code"] == "users.not_found"


def test_a_new_role_is_published_and_comes_with_the_next_refresh(
    people, admin, ada, published, check_event
):
    answer = act(people, admin, "PUT", f"/{ada.id}/role", {"role": "staff"})

    assert answer.status_code == 200
    data = answer.get_json()["data"]
    assert (data["role"], data["version"]) == ("staff", 2)
    assert people.me(ada).get_json()["code"] == "token_revoked"
    renewed = people.refresh(ada.refresh_token).get_json()["data"]["access_token"]
    assert people.me(renewed).get_json()["data"]["role"] == "staff"
    event = published()[-1]
    assert (event.type, event.data["role"]) == ("user.updated.v1", "staff")
    check_event(event)


def test_the_same_role_again_changes_nothing(people, admin, ada, published):
    before = len(published())

    answer = act(people, admin, "PUT", f"/{ada.id}/role", {"role": "customer"})

    assert answer.get_json()["data"]["version"] == 1
    assert people.me(ada).status_code == 200
    assert len(published()) == before


@pytest.mark.parametrize(
    "body", [{}, {"role": "owner"}, {"role": ["admin"]}, {"role": "admin", "status": "active"}]
)
def test_a_bad_role_is_refused(people, admin, ada, session, published, body):
    before, events = state(session), len(published())

    assert act(people, admin, "PUT", f"/{ada.id}/role", body).status_code == 422

    assert state(session) == before
    assert len(published()) == events


def test_deactivating_ends_everything_at_once(people, admin, ada, session, published, check_event):
    answer = act(people, admin, "POST", f"/{ada.id}/deactivate")

    assert answer.status_code == 200
    assert answer.get_json()["data"]["status"] == "deactivated"
    assert people.me(ada).get_json()["code"] == "token_revoked"
    assert people.refresh(ada.refresh_token).status_code == 401
    ended = select(LoginSession.revocation_reason).where(LoginSession.user_id == ada.id)
    assert session.scalars(ended).all() == ["deactivated"]
    event = published()[-1]
    assert (event.type, event.subject) == ("user.deactivated.v1", str(ada.id))
    check_event(event)


def test_a_deactivated_account_is_told_only_to_who_knows_the_password(people, admin, ada):
    act(people, admin, "POST", f"/{ada.id}/deactivate")

    right, wrong = people.log_in(ada.email), people.log_in(ada.email, "wrong password")

    assert (right.status_code, right.get_json()["code"]) == (403, "users.deactivated")
    assert (wrong.status_code, wrong.get_json()["code"]) == (401, "users.invalid_credentials")


def test_deactivating_twice_is_published_once(people, admin, ada, published):
    act(people, admin, "POST", f"/{ada.id}/deactivate")
    before = len(published())

    answer = act(people, admin, "POST", f"/{ada.id}/deactivate")

    assert (answer.status_code, answer.get_json()["data"]["version"]) == (200, 2)
    assert len(published()) == before


def test_an_activated_account_can_log_in_again(people, admin, ada, published):
    act(people, admin, "POST", f"/{ada.id}/deactivate")

    answer = act(people, admin, "POST", f"/{ada.id}/activate")

    assert answer.get_json()["data"]["status"] == "active"
    assert people.refresh(ada.refresh_token).status_code == 401
    assert people.me(people.tokens(ada.email)["access_token"]).status_code == 200
    assert published()[-1].type == "user.updated.v1"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("PUT", "/role", {"role": "customer"}), ("POST", "/deactivate", None)],
)
def test_the_last_administrator_stays(people, admin, session, published, method, path, body):
    before, events = state(session), len(published())

    answer = act(people, admin, method, f"/{admin.id}{path}", body)

    assert (answer.status_code, answer.get_json()["code"]) == (409, "users.last_admin")
    assert state(session) == before
    assert len(published()) == events
    assert people.me(admin).status_code == 200


def test_one_of_two_administrators_may_leave(people, admin, ada):
    act(people, admin, "PUT", f"/{ada.id}/role", {"role": "admin"})

    answer = act(people, admin, "PUT", f"/{admin.id}/role", {"role": "customer"})

    assert answer.get_json()["data"]["role"] == "customer"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/role", {"role": "staff"}),
        ("POST", "/deactivate", None),
        ("POST", "/activate", None),
    ],
)
def test_an_unknown_account_is_not_found(people, admin, method, path, body):
    answer = act(people, admin, method, f"/{uuid4()}{path}", body)

    assert (answer.status_code, answer.get_json()["code"]) == (404, "users.not_found")
