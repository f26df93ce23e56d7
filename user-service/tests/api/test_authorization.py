"""Who may call what: every route with every kind of caller."""

from uuid import uuid4

import pytest

SOME = "0190f000-0000-7000-8000-000000000000"
PUBLIC = [
    ("POST", "/register"),
    ("POST", "/login"),
    ("POST", "/refresh"),
    ("POST", "/register/confirm"),
    ("POST", "/login/sms"),
    ("POST", "/login/sms/confirm"),
    ("POST", "/password/reset"),
    ("POST", "/password/reset/confirm"),
    ("GET", "/openapi.json"),
]
SIGNED_IN = [
    ("POST", "/logout"),
    ("GET", "/me"),
    ("PATCH", "/me"),
    ("POST", "/me/password"),
    ("PUT", "/me/email"),
    ("POST", "/me/email/verification"),
    ("POST", "/me/email/verification/confirm"),
    ("POST", "/me/phone/verification"),
    ("POST", "/me/phone/verification/confirm"),
    ("GET", "/me/addresses"),
    ("POST", "/me/addresses"),
    ("GET", f"/me/addresses/{SOME}"),
    ("PATCH", f"/me/addresses/{SOME}"),
    ("DELETE", f"/me/addresses/{SOME}"),
]
ADMIN = [
    ("GET", ""),
    ("GET", "/"),
    ("GET", f"/{SOME}"),
    ("PUT", f"/{SOME}/role"),
    ("POST", f"/{SOME}/deactivate"),
    ("POST", f"/{SOME}/activate"),
    ("POST", "/keys/rotate"),
    ("GET", "/audit"),
]
# Statuses that come after the decision to let the caller in.
LET_IN = {200, 201, 204, 404, 412, 422, 428}


def call(people, method, path, headers=None):
    body = {} if method in ("POST", "PUT", "PATCH") else None
    return people.send(method, path, body, headers)


@pytest.mark.parametrize(("method", "path"), PUBLIC)
def test_public_routes_need_no_token(people, method, path):
    assert call(people, method, path).status_code in LET_IN


@pytest.mark.parametrize(("method", "path"), SIGNED_IN + ADMIN)
def test_other_routes_refuse_the_anonymous(people, rows, method, path):
    before = rows()

    answer = call(people, method, path)

    assert (answer.status_code, answer.get_json()["code"]) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert rows() == before


@pytest.mark.parametrize("role", ["customer", "staff", "admin"])
@pytest.mark.parametrize(("method", "path"), SIGNED_IN)
def test_the_own_account_is_for_every_role(people, auth, method, path, role):
    assert call(people, method, path, auth(uuid4(), (role,))).status_code in LET_IN


@pytest.mark.parametrize("roles", [("customer",), ("staff",), (), ("root",), ("Admin",)])
@pytest.mark.parametrize(("method", "path"), ADMIN)
def test_administration_refuses_other_roles(people, auth, rows, method, path, roles):
    before = rows()

    answer = call(people, method, path, auth(uuid4(), roles))

    assert (answer.status_code, answer.get_json()["code"]) == (403, "forbidden")
    assert rows() == before


@pytest.mark.parametrize(("method", "path"), ADMIN)
def test_administration_is_for_administrators(people, auth, method, path):
    assert call(people, method, path, auth(roles=("admin",))).status_code in LET_IN


def test_every_route_of_the_service_is_in_one_of_the_lists(app):
    rules = {
        (method, str(rule))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if str(rule).startswith("/api/users")
    }
    covered = {
        (method, f"/api/users{path}".rstrip("/").replace(SOME, "<id>"))
        for method, path in PUBLIC + SIGNED_IN + ADMIN
    }

    named = {
        (method, rule.replace("<uuid:user_id>", "<id>").replace("<uuid:address_id>", "<id>"))
        for method, rule in rules
    }
    assert {(method, rule.rstrip("/")) for method, rule in named} == covered


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": None},
        {"aud": "other"},
        {"aud": None},
        {"iss": "other"},
        {"iss": None},
        {"jti": None},
        {"exp": 2_000_000_000_000},
        {"sub": "not a uuid"},
    ],
    ids=str,
)
def test_a_token_with_a_wrong_claim_is_refused(people, token, claims):
    assert people.me(token(**claims)).status_code == 401
