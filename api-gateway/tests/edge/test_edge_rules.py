"""What is decided at the edge: tokens, cross-origin calls, malformed requests."""

import base64
import json
import time
from typing import Any

import pytest

ORIGIN = "https://shop.example"


def code(reply: Any) -> str:
    found: str = json.loads(reply.body)["code"]
    return found


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/api/users/login"), ("GET", "/.well-known/jwks.json"), ("GET", "/api/users/open"),
     ("GET", "/api/users/open/a/b?c"), ("HEAD", "/api/users/open/a")],
)  # fmt: skip
def test_public_route_needs_no_token(gateway: Any, recorder: Any, method: str, path: str) -> None:
    assert gateway.ask(path, method).status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/users/me"), ("GET", "/api/users/login"), ("POST", "/api/users/login/"),
     ("POST", "/api/users/%6cogin"), ("POST", "/api/users//login"), ("POST", "/api/users/login;x"),
     ("POST", "/api/users/open/a"), ("GET", "/api/users/openly"), ("GET", "/api/users"),
     ("DELETE", "/.well-known/jwks.json"), ("OPTIONS", "/api/users/me")],
)  # fmt: skip
def test_every_other_route_needs_a_token(
    gateway: Any, recorder: Any, method: str, path: str
) -> None:
    reply = gateway.ask(path, method)
    assert (reply.status, code(reply)) == (401, "unauthorized")
    assert (reply.header("www-authenticate"), recorder.heads) == ("Bearer", [])


def test_valid_token_is_let_through_and_verified_once_only_per_token(
    gateway: Any, recorder: Any, auth: Any
) -> None:
    headers = auth()
    for _ in range(3):
        assert gateway.ask("/api/users/me", headers=headers).status == 200
    assert len(recorder.heads) == 3


@pytest.mark.parametrize(
    ("claims", "refusal"),
    [
        ({"exp": int(time.time()) - 1}, "token_expired"),
        ({"exp": None}, "token_invalid"),
        ({"aud": "elsewhere"}, "token_invalid"),
        ({"aud": None}, "token_invalid"),
        ({"iss": "elsewhere"}, "token_invalid"),
        ({"iss": None}, "token_invalid"),
        ({"sub": None}, "token_invalid"),
    ],
)
def test_token_with_wrong_claims_is_refused(
    gateway: Any, recorder: Any, token: Any, claims: dict[str, Any], refusal: str
) -> None:
    reply = gateway.ask("/api/users/me", headers={"Authorization": f"Bearer {token(**claims)}"})
    assert (reply.status, code(reply), recorder.heads) == (401, refusal, [])


def unsigned(bearer: str, algorithm: str) -> str:
    header = base64.urlsafe_b64encode(json.dumps({"alg": algorithm, "kid": "test-key"}).encode())
    return f"{header.decode().rstrip('=')}.{bearer.split('.')[1]}."


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "RS512"])
def test_token_of_another_algorithm_is_refused(
    gateway: Any, recorder: Any, token: Any, algorithm: str
) -> None:
    headers = {"Authorization": f"Bearer {unsigned(token(), algorithm)}"}
    reply = gateway.ask("/api/users/me", headers=headers)
    assert (reply.status, code(reply), recorder.heads) == (401, "token_invalid", [])


@pytest.mark.parametrize(
    "given", ["Basic eDp5", "Bearer", "Bearer ", "Bearer x.y.z", "Bearer \xff"]
)
def test_anything_else_is_no_token(gateway: Any, recorder: Any, given: str) -> None:
    assert gateway.ask("/api/users/me", headers={"Authorization": given}).status == 401
    assert recorder.heads == []


def test_tampered_token_is_refused(gateway: Any, recorder: Any, token: Any) -> None:
    head, _, signature = token().split(".")
    _, claims, _ = token(roles=("admin",)).split(".")
    headers = {"Authorization": f"Bearer {head}.{claims}.{signature}"}
    assert gateway.ask("/api/users/me", headers=headers).status == 401


def preflight(gateway: Any, origin: str, path: str = "/api/users/me") -> Any:
    headers = {
        "Origin": origin, "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "authorization, idempotency-key",
    }  # fmt: skip
    return gateway.ask(path, "OPTIONS", headers)


def test_preflight_is_answered_at_the_edge_before_authentication(
    gateway: Any, recorder: Any
) -> None:
    reply = preflight(gateway, ORIGIN)
    assert (reply.status, reply.body, recorder.heads) == (204, b"", [])
    assert reply.header("access-control-allow-origin") == ORIGIN
    assert "PATCH" in reply.header("access-control-allow-methods")
    assert reply.header("access-control-allow-headers") == "authorization, idempotency-key"


def test_preflight_of_another_origin_is_refused(gateway: Any, recorder: Any) -> None:
    reply = preflight(gateway, "https://evil.example")
    assert (reply.status, code(reply), recorder.heads) == (403, "gateway.origin_denied", [])
    assert "access-control-allow-origin" not in dict(reply.headers)


def test_plain_options_is_forwarded(gateway: Any, recorder: Any) -> None:
    assert gateway.ask("/api/echo/x", "OPTIONS", {"Origin": ORIGIN}).status == 200
    assert recorder.lines == [b"OPTIONS /api/echo/x HTTP/1.1"]


@pytest.mark.parametrize(
    ("path", "status"),
    [("/api/echo/x", 200), ("/api/users/me", 401), ("/api/down/x", 503), ("/api/nobody", 404),
     ("/api/echo/../x", 400), ("/health/live", 200)],
)  # fmt: skip
def test_browser_can_read_every_answer(gateway: Any, recorder: Any, path: str, status: int) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nAccess-Control-Allow-Origin: *\r\n\r\n"
    recorder.answer = answer
    reply = gateway.ask(path, headers={"Origin": ORIGIN})
    assert reply.status == status
    assert reply.header("access-control-allow-origin") == ORIGIN
    assert "X-Request-ID" in reply.header("access-control-expose-headers")
    assert reply.header("vary") == "Origin"


def test_another_origin_gets_no_permission(gateway: Any, recorder: Any) -> None:
    reply = gateway.ask("/api/echo/x", headers={"Origin": "https://evil.example"})
    assert (reply.status, "access-control-allow-origin" in dict(reply.headers)) == (200, False)


GET = b"GET /api/echo/x HTTP/1.1\r\nHost: h\r\n"
POST = b"POST /api/echo/x HTTP/1.1\r\nHost: h\r\n"
MALFORMED = {
    "length and coding": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "coding and length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "length twice": POST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "length with sign": POST + b"Content-Length: +5\r\n\r\nhello",
    "length list": POST + b"Content-Length: 5, 5\r\n\r\nhello",
    "superscript length": POST + b"Content-Length: \xb2\r\n\r\nhello",
    "chunked twice": POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "coding not final": POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "coding in 1.0": POST.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "folded header": GET + b"X-A: b\r\n c\r\n\r\n",
    "space before colon": GET + b"X-A : b\r\n\r\n",
    "bare line feeds": b"GET /api/echo/x HTTP/1.1\nHost: h\n\n",
    "two Hosts": GET + b"Host: i\r\n\r\n",
    "NUL in a header": GET + b"X-A: b\0c\r\n\r\n",
    "space in the target": b"GET /api/echo/a b HTTP/1.1\r\nHost: h\r\n\r\n",
    "byte above ASCII in the target": b"GET /api/echo/\xe9 HTTP/1.1\r\nHost: h\r\n\r\n",
    "chunk size with sign": POST + b"Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n",
    "chunk longer than said": POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n",
    "chunk size line feed": POST + b"Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_request_is_400_and_ends_the_connection(
    gateway: Any, recorder: Any, case: str
) -> None:
    with gateway.wire() as wire:
        wire.send(MALFORMED[case] + GET + b"X-Smuggled: yes\r\n\r\n")
        seen = wire.rest()
    assert seen.startswith(b"HTTP/1.1 400 ") and seen.count(b"X-Request-ID: ") == 1
    assert b'"request_id"' in seen and b'"code":"gateway.' in seen
    assert not any(b"X-Smuggled" in head for head in recorder.heads)


@pytest.mark.parametrize(
    ("lines", "status"),
    [("X: " + "x" * 9000, 431), ("X: y\r\n" * 101 + "Y: z", 431), ("Expect: 200-maybe", 417)],
    ids=["large header", "many headers", "unknown expectation"],
)
def test_refused_head_has_the_envelope_too(
    gateway: Any, recorder: Any, lines: str, status: int
) -> None:
    with gateway.wire() as wire:
        wire.send(GET + f"{lines}\r\n\r\n".encode())
        reply = wire.reply()
    assert (reply.status, json.loads(reply.body)["success"]) == (status, False)
    assert json.loads(reply.body)["request_id"] == reply.header("x-request-id")


@pytest.mark.parametrize("coding", ["gzip, chunked", "identity, chunked", "gzip", "x-other"])
def test_body_in_another_coding_is_refused_and_ends_the_connection(
    gateway: Any, recorder: Any, coding: str
) -> None:
    with gateway.wire() as wire:
        wire.send(POST + f"Transfer-Encoding: {coding}\r\n\r\n0\r\n\r\n".encode() + GET + b"\r\n")
        seen = wire.rest()
    assert seen[9:12] in (b"400", b"501") and seen.count(b"X-Request-ID: ") == 1
    assert recorder.heads == []


def test_pipelined_requests_are_answered_in_order(gateway: Any, recorder: Any) -> None:
    body = b"POST /api/echo/2 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
    with gateway.wire() as wire:
        wire.send(GET + b"\r\n" + body + GET + b"Connection: close\r\n\r\n")
        assert wire.rest().count(b"HTTP/1.1 200 OK") == 3
    assert recorder.bodies == [b"", b"hello", b""]
