"""Who gets in: every trick with a token is refused, in a service and at the edge alike."""

import base64
import json
import re
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from flask import Flask
from flask.testing import FlaskClient

from chassis.exceptions import ServiceError
from chassis.testing import KEY_ID
from chassis.tokens import KeySet, verify_token

USER = UUID("0199f3a0-0000-7000-8000-00000000000a")
Verdict = Callable[[str], str]


@pytest.fixture(params=["service", "edge"])
def verdict(request: pytest.FixtureRequest, client: FlaskClient, jwks: dict[str, Any]) -> Verdict:
    """Return `ok` or the error code that a token gets: from a view, and from `verify_token`."""

    def at_service(token: str) -> str:
        answer = client.get("/api/demo/me", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code in (200, 401), answer.data
        return "ok" if answer.status_code == 200 else str(answer.json["code"])

    def at_edge(token: str) -> str:
        try:
            verify_token(token, KeySet(lambda: jwks), issuer="platform", audience="platform")
        except ServiceError as error:
            assert error.status == 401
            return error.code
        return "ok"

    return at_service if request.param == "service" else at_edge


def encode(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def with_header(token: str, key: rsa.RSAPrivateKey, **header: Any) -> str:
    """Sign the token's claims again under another header; None leaves a member out."""
    claims = jwt.decode(token, options={"verify_signature": False})
    members = {"alg": "RS256", "kid": KEY_ID, **header}
    members = {name: value for name, value in members.items() if value is not None}
    body = f"{encode(json.dumps(members).encode())}.{encode(json.dumps(claims).encode())}"
    signature = jwt.get_algorithm_by_name("RS256").sign(body.encode(), key)
    return f"{body}.{encode(signature)}"


def test_a_good_token_gets_in(verdict: Verdict, token: Any) -> None:
    assert verdict(token()) == "ok"


@pytest.mark.parametrize("claim", ["exp", "iat", "sub", "aud", "iss", "jti"])
def test_every_required_claim_is_required(verdict: Verdict, token: Any, claim: str) -> None:
    assert verdict(token(**{claim: None})) == "token_invalid"
    assert verdict(token(**{claim: None, "iat_ms": None})) == "token_invalid"


NOW = int(time.time())


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"aud": "elsewhere"}, "token_invalid"),
        ({"aud": ["elsewhere"]}, "token_invalid"),
        ({"iss": "elsewhere"}, "token_invalid"),
        ({"exp": NOW - 60, "iat": NOW - 120}, "token_expired"),
        ({"exp": NOW + 25 * 3600}, "token_invalid"),
        ({"exp": 1e300}, "token_invalid"),
        ({"exp": float("inf")}, "token_invalid"),
        ({"exp": NOW + 900.5}, "token_invalid"),
        ({"exp": "9999999999"}, "token_invalid"),
        ({"exp": True}, "token_expired"),
        ({"exp": 10**30}, "token_invalid"),
        ({"nbf": NOW + 3600}, "token_invalid"),
        ({"iat": NOW + 3600, "exp": NOW + 3700}, "token_invalid"),
        ({"iat": "yesterday"}, "token_invalid"),
        ({"iat": 0}, "token_invalid"),
        ({"sub": 42}, "token_invalid"),
        ({"sub": {}}, "token_invalid"),
        ({"jti": 42}, "token_invalid"),
        ({"type": "refresh"}, "token_invalid"),
        ({"iat_ms": "x"}, "token_invalid"),
    ],
    # Without the time, so that several processes of a test run name the tests alike.
    ids=lambda value: re.sub(r"\b1[0-9]{9}\b", "SECONDS", str(value)),
)
def test_claims_that_are_not_right_are_refused(
    verdict: Verdict, token: Any, claims: dict[str, Any], code: str
) -> None:
    assert verdict(token(**claims)) == code


@pytest.mark.parametrize(
    "kid",
    [
        None,
        "",
        "unknown",
        "../../dev/null",
        "' OR 1=1 --",
        "http://127.0.0.1/key",
        "k" * 4000,
        42,
        True,
        ["test-key"],
        {"kid": "test-key"},
    ],
    ids=lambda value: repr(value)[:20],
)
def test_a_kid_that_nobody_published_is_refused(
    verdict: Verdict, token: Any, signing_key: Any, kid: object
) -> None:
    assert verdict(with_header(token(), signing_key, kid=kid)) == "token_invalid"


def test_an_unsigned_token_is_refused(verdict: Verdict, token: Any) -> None:
    claims = encode(json.dumps(jwt.decode(token(), options={"verify_signature": False})).encode())
    for algorithm in ("none", "None", "NONE", "nOnE"):
        header = encode(json.dumps({"alg": algorithm, "kid": KEY_ID}).encode())
        for signature in ("", encode(b"x")):
            assert verdict(f"{header}.{claims}.{signature}") == "token_invalid"


def test_a_token_signed_with_the_public_key_as_a_secret_is_refused(
    verdict: Verdict, token: Any, signing_key: rsa.RSAPrivateKey
) -> None:
    import hashlib
    import hmac

    public = signing_key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    header = encode(json.dumps({"alg": "HS256", "kid": KEY_ID}).encode())
    body = f"{header}.{token().split('.')[1]}"
    forged = encode(hmac.new(public, body.encode(), hashlib.sha256).digest())
    assert verdict(f"{body}.{forged}") == "token_invalid"


def test_another_algorithm_is_refused(verdict: Verdict, token: Any, signing_key: Any) -> None:
    claims = jwt.decode(token(), options={"verify_signature": False})
    elliptic = ec.generate_private_key(ec.SECP256R1())
    for key, algorithm in ((signing_key, "RS512"), (signing_key, "PS256"), (elliptic, "ES256")):
        forged = jwt.encode(claims, key, algorithm=algorithm, headers={"kid": KEY_ID})
        assert verdict(forged) == "token_invalid"


def test_a_key_that_comes_with_the_token_is_not_believed(verdict: Verdict, token: Any) -> None:
    thief = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(thief.public_key()))
    for header in ({"jwk": jwk}, {"jku": "http://127.0.0.1:1/jwks.json"}, {"x5u": "file:///x"}):
        assert verdict(with_header(token(), thief, **header)) == "token_invalid"


def test_an_unknown_critical_header_is_refused(
    verdict: Verdict, token: Any, signing_key: Any
) -> None:
    assert verdict(with_header(token(), signing_key, crit=["x"], x=1)) == "token_invalid"


def test_a_changed_token_is_refused(verdict: Verdict, token: Any) -> None:
    header, _, signature = token(roles=("customer",)).split(".")
    _, claims, _ = token(roles=("admin",)).split(".")
    assert verdict(f"{header}.{claims}.{signature}") == "token_invalid"


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "a.b.c",
        "..",
        ".",
        "a" * 7000,
        "....",
        "é.é.é",
        encode(b"[" * 5000) + ".e30.AA",
        encode(b'{"alg":"RS256","kid":"test-key","x":' + b"[" * 4500 + b"]" * 4500 + b"}") + "..",
        encode(b"[]") + ".e30.AA",
        encode(b"null") + ".e30.AA",
        encode(b"\xff\xfe") + ".e30.AA",
        encode(b'{"alg":' + b"9" * 5000 + b"}") + ".e30.AA",
    ],
    ids=lambda value: value[:20],
)
def test_text_that_is_no_token_is_refused(verdict: Verdict, text: str) -> None:
    assert verdict(text) == "token_invalid"


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic YTpi", "bearer x y", "Token x"])
def test_without_a_bearer_token_authentication_is_required(
    client: FlaskClient, header: str | None
) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = client.get("/api/demo/me", headers=headers)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert answer.json["code"] in ("unauthorized", "token_invalid")
    assert answer.json["request_id"] == answer.headers["X-Request-ID"]


def test_the_view_learns_who_calls(client: FlaskClient, auth: Any) -> None:
    answer = client.get("/api/demo/me", headers=auth(USER, ("customer", "staff")))
    assert answer.json["data"] == {
        "id": str(USER),
        "roles": ["customer", "staff"],
        "staff": True,
    }


ROLES = [
    (["customer"], 403),
    ([], 403),
    ("admin", 403),
    ({"admin": 1}, 403),
    (None, 403),
    (["Staff"], 403),
    ([["staff"]], 403),
    (["staff"], 200),
    (["customer", "admin"], 200),
]


@pytest.mark.parametrize(("roles", "status"), ROLES, ids=str)
def test_roles_decide(
    client: FlaskClient, token: Any, signing_key: Any, roles: object, status: int
) -> None:
    claims = jwt.decode(token(), options={"verify_signature": False}) | {"roles": roles}
    signed = jwt.encode(claims, signing_key, algorithm="RS256", headers={"kid": KEY_ID})
    answer = client.get("/api/demo/staff", headers={"Authorization": f"Bearer {signed}"})
    assert answer.status_code == status
    if status == 403:
        assert answer.json["code"] == "forbidden"


def test_an_id_that_is_no_uuid_is_refused(client: FlaskClient, token: Any) -> None:
    headers = {"Authorization": f"Bearer {token(sub='alice')}"}
    answer = client.get("/api/demo/me", headers=headers)
    assert (answer.status_code, answer.json["code"]) == (401, "token_invalid")


def test_without_any_key_the_answer_is_503_not_401(
    services: Any, service: str, app: Flask, auth: Any
) -> None:
    from chassis.auth import KEY_SET

    def unreachable() -> Any:
        raise ValueError("no key set")

    good = app.extensions[KEY_SET]
    app.extensions[KEY_SET] = KeySet(unreachable)
    answer = app.test_client().get("/api/demo/me", headers=auth(uuid4()))
    app.extensions[KEY_SET] = good
    assert (answer.status_code, answer.json["code"]) == (503, "jwks_unavailable")
