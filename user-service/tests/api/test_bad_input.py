"""What a hostile client sends: 4xx with the field, and nothing changed or published."""

import pytest

REGISTER = {"email": "eve@example.com", "password": "correct horse battery staple", "name": "Eve"}


def with_member(name, value):
    return {**REGISTER, name: value}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        pytest.param(with_member("name", "E\x00ve"), "name", id="nul"),
        pytest.param(with_member("name", "E\ud800ve"), "name", id="lone surrogate"),
        pytest.param(with_member("email", "eve\x00@example.com"), "email", id="nul in address"),
        pytest.param(with_member("password", "a\x00bcdefghijkl"), "password", id="nul in password"),
        pytest.param(with_member("name", True), "name", id="bool for text"),
        pytest.param(with_member("name", 5), "name", id="number for text"),
        pytest.param(with_member("name", ["Eve"]), "name", id="list for text"),
        pytest.param(with_member("name", {"a": 1}), "name", id="object for text"),
        pytest.param(with_member("name", None), "name", id="null for text"),
        pytest.param(with_member("phone", 10**30), "phone", id="number beyond bigint"),
        pytest.param(with_member("email", ["eve@example.com"]), "email", id="list for address"),
        pytest.param(with_member("role", "admin"), "role", id="role"),
        pytest.param(with_member("roles", ["admin"]), "roles", id="roles"),
        pytest.param(with_member("status", "active"), "status", id="status"),
        pytest.param(with_member("id", "0190f000-0000-7000-8000-000000000000"), "id", id="id"),
        pytest.param(with_member("version", 7), "version", id="version"),
        pytest.param(with_member("is_admin", True), "is_admin", id="is_admin"),
        pytest.param(with_member("password_hash", "x"), "password_hash", id="password_hash"),
        pytest.param(with_member("email_canonical", "x"), "email_canonical", id="canonical"),
        pytest.param(with_member("__proto__", {}), "__proto__", id="proto"),
    ],
)
def test_a_hostile_member_is_refused_by_name(people, rows, published, body, field):
    before = rows()

    answer = people.send("POST", "/register", body)

    assert answer.status_code == 422
    assert [problem["field"] for problem in answer.get_json()["errors"]] == [field]
    assert rows() == before
    assert published() == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param("{", 400, id="malformed"),
        pytest.param('{"name": NaN}', 400, id="nan"),
        pytest.param('{"name": Infinity}', 400, id="infinity"),
        pytest.param('{"name": 1e400}', 400, id="beyond double"),
        pytest.param('{"name": "a", "name": "b"}', 400, id="duplicate member"),
        pytest.param("[" * 1000 + "]" * 1000, 400, id="deep"),
        pytest.param("[" * 100_000, 400, id="very deep"),
        pytest.param(b'{"name": "\xff"}', 400, id="not utf-8"),
        pytest.param('{"a": 1}'.encode("utf-16"), 400, id="utf-16"),
        pytest.param("[]", 422, id="list"),
        pytest.param('"text"', 422, id="text"),
        pytest.param("null", 422, id="null"),
        pytest.param("{}", 422, id="nothing"),
    ],
)
@pytest.mark.parametrize("path", ["/register", "/login", "/refresh"])
def test_a_body_that_is_no_object_is_refused(people, rows, published, path, body, status):
    before = rows()

    answer = people.send("POST", path, body)

    assert answer.status_code == status
    assert answer.get_json()["success"] is False
    assert rows() == before
    assert published() == []


def test_another_content_type_is_refused(people, rows):
    before = rows()

    answer = people.send("POST", "/register", "name=Eve", {"Content-Type": "text/plain"})

    assert (answer.status_code, answer.get_json()["code"]) == (415, "unsupported_media_type")
    assert rows() == before


def test_a_body_beyond_the_limit_is_refused(people, rows):
    before = rows()

    answer = people.send("POST", "/register", with_member("name", "x" * 1_100_000))

    assert answer.status_code == 413
    assert rows() == before


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_another_method_is_refused(people, method):
    answer = people.send(method, "/login", {})

    assert (answer.status_code, answer.get_json()["code"]) == (405, "method_not_allowed")


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/login", {"email": "a@example.com", "password": "x", "otp": "1"}, "otp"),
        ("/login", {"email": "a@example.com", "password": True}, "password"),
        ("/login", {"email": {"$ne": ""}, "password": "x"}, "email"),
        ("/login", {"email": "a@example.com", "password": "x" * 129}, "password"),
        ("/refresh", {"refresh_token": 1}, "refresh_token"),
        ("/refresh", {"refresh_token": "x" * 257}, "refresh_token"),
        ("/refresh", {"refresh_token": "\x00"}, "refresh_token"),
    ],
)
def test_hostile_credentials_are_refused_by_name(people, path, body, field):
    answer = people.send("POST", path, body)

    assert answer.status_code == 422
    assert [problem["field"] for problem in answer.get_json()["errors"]] == [field]
