import pytest
from sqlalchemy import select

from user_service.models import RefreshToken


def test_logout_ends_the_session_and_its_access_tokens(people, reasons):
    account = people.register()
    renewed = people.refresh(account.refresh_token).get_json()["data"]

    answer = people.send(
        "POST", "/logout", headers={"Authorization": f"Bearer {renewed['access_token']}"}
    )

    assert answer.status_code == 200
    assert answer.get_json()["data"] is None
    assert reasons() == ["logout"]
    for token in (account.access_token, renewed["access_token"]):
        refused = people.me(token)
        assert (refused.status_code, refused.get_json()["code"]) == (401, "token_revoked")
    assert people.refresh(renewed["refresh_token"]).status_code == 401


def test_logout_with_a_refresh_token_ends_that_session_too(people, reasons):
    account = people.register()
    other = people.tokens(account.email)

    body = {"refresh_token": other["refresh_token"]}
    people.send("POST", "/logout", body, headers=account.headers)

    assert reasons() == ["logout", "logout"]
    assert people.me(other["access_token"]).status_code == 401


def test_logout_cannot_end_somebody_elses_session(people, reasons):
    account, other = people.register(), people.register()

    body = {"refresh_token": other.refresh_token}
    people.send("POST", "/logout", body, headers=account.headers)

    assert reasons() == ["logout", None]
    assert people.me(other).status_code == 200
    assert people.refresh(other.refresh_token).status_code == 200


def test_the_end_of_a_session_is_also_left_to_a_task(people, tasks):
    account = people.register()
    token_id = people.claims(account.access_token)["jti"]

    people.send("POST", "/logout", headers=account.headers)

    assert tasks() == [("users.deny_tokens", {"token_ids": [token_id]})]


def test_a_session_that_ended_does_not_come_back(people, session, reasons):
    account = people.register()
    people.send("POST", "/logout", headers=account.headers)

    people.refresh(account.refresh_token)

    assert reasons() == ["logout"]
    unspent = select(RefreshToken).where(RefreshToken.spent_at.is_(None))
    assert len(session.scalars(unspent).all()) == 1


@pytest.mark.parametrize(("method", "path"), [("POST", "/logout"), ("POST", "/me/password")])
def test_a_token_without_a_session_cannot_end_one(people, token, rows, method, path):
    before = rows()
    body = {"current_password": "x", "new_password": "y"} if path == "/me/password" else None

    headers = {"Authorization": f"Bearer {token(sid=None)}"}
    answer = people.send(method, path, body, headers)

    assert (answer.status_code, answer.get_json()["code"]) == (401, "token_invalid")
    assert rows() == before
