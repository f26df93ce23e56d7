"""Who may call what: every route with every kind of caller."""

import pytest

# Fixed, so that several processes of a test run name the tests alike.
ID = "0190f000-0000-7000-8000-00000000000a"
PUBLIC = [
    ("GET", "/api/products", 200),
    ("GET", f"/api/products/{ID}", 404),
    ("GET", "/api/products/categories", 200),
    ("GET", f"/api/products/categories/{ID}", 404),
]
STAFF = [
    ("POST", "/api/products", 422),
    ("PATCH", f"/api/products/{ID}", 428),
    ("DELETE", f"/api/products/{ID}", 428),
    ("POST", f"/api/products/{ID}/stock/adjustments", 400),
    ("GET", f"/api/products/{ID}/stock/movements", 404),
    ("GET", f"/api/products/reservations/{ID}", 404),
    ("POST", "/api/products/imports", 415),
    ("GET", f"/api/products/imports/{ID}", 404),
    ("GET", "/api/products/export", 200),
    ("POST", "/api/products/categories", 422),
    ("PATCH", f"/api/products/categories/{ID}", 428),
    ("DELETE", f"/api/products/categories/{ID}", 428),
]
ADMIN = [("GET", "/api/products/audit", 200)]


def call(client, method, path, headers):
    body = {"json": {}} if method in ("POST", "PATCH") else {}
    return client.open(path, method=method, headers=headers, **body)


@pytest.mark.parametrize(("method", "path", "status"), PUBLIC)
def test_everybody_reads_the_catalogue(client, auth, method, path, status):
    for headers in ({}, auth(), auth(roles=("staff",)), auth(roles=("admin",))):
        assert call(client, method, path, headers).status_code == status


@pytest.mark.parametrize(("method", "path", "status"), STAFF)
def test_staff_and_admin_keep_the_catalogue(client, auth, published, method, path, status):
    assert call(client, method, path, {}).status_code == 401
    assert call(client, method, path, auth()).status_code == 403
    assert call(client, method, path, auth(roles=("staff",))).status_code == status
    assert call(client, method, path, auth(roles=("admin",))).status_code == status
    assert published() == []


@pytest.mark.parametrize(("method", "path", "status"), ADMIN)
def test_only_the_admin_audits(client, auth, method, path, status):
    assert call(client, method, path, {}).status_code == 401
    assert call(client, method, path, auth()).status_code == 403
    assert call(client, method, path, auth(roles=("staff",))).status_code == 403
    assert call(client, method, path, auth(roles=("admin",))).status_code == status


def test_the_lists_above_name_every_route(app):
    rules = {
        (method, str(rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/products") and "openapi" not in rule.rule
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    adapter = app.url_map.bind("localhost")
    named = set()
    for method, path, _ in PUBLIC + STAFF + ADMIN:
        rule, _ = adapter.match(path, method=method, return_rule=True)
        named.add((method, str(rule.rule)))
    assert named == rules


@pytest.mark.parametrize("token", ["", "nonsense", "Bearer", "a.b.c"])
def test_a_bad_token_is_no_customer_even_on_a_public_route(client, token):
    headers = {"Authorization": f"Bearer {token}"}
    for path in ("/api/products", f"/api/products/{ID}"):
        assert client.get(path, headers=headers).status_code == 401
