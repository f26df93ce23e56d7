"""Calls to another service: what is sent, what comes back, and every way it can fail."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask, g
from flask.testing import FlaskClient

from chassis import exceptions
from chassis.auth import Principal
from chassis.circuit_breaker import CircuitBreaker
from chassis.exceptions import (
    BadGateway,
    GatewayTimeout,
    ServiceError,
    ServiceUnavailable,
)
from chassis.request_id import set_request_id
from chassis.service_client import Limits, ServiceClient
from chassis.tracing import set_traceparent

OK = b'{"success": true, "message": "OK", "data": {"id": 1}, "meta": {}}'
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
Make = Callable[..., ServiceClient]


@pytest.fixture
def pauses() -> list[float]:
    """How long the client has slept between attempts, in seconds."""
    return []


@pytest.fixture
def make(upstream: Any, pauses: list[float]) -> Make:
    """Make a client of the upstream with a breaker of its own that never opens."""
    breaker = CircuitBreaker(threshold=1000)

    def build(url: str = upstream.url, **options: Any) -> ServiceClient:
        options.setdefault("breaker", lambda _url: breaker)
        return ServiceClient("products", url, sleep=pauses.append, **options)

    return build


@pytest.fixture
def envelope_error() -> Callable[..., bytes]:
    """Make the body of an error answer."""
    return lambda code, **more: json.dumps(
        {"success": False, "message": "No", "code": code, "errors": [], "request_id": "r", **more}
    ).encode()


def test_get_returns_the_data_of_the_envelope(upstream: Any, make: Make, respond: Any) -> None:
    upstream.answer = respond(200, OK)
    assert make().get("/api/products", {"ids": "a,b", "q": "é&"}) == {"id": 1}
    assert upstream.paths == ["/api/products?ids=a%2Cb&q=%C3%A9%26"]


def test_a_body_is_sent_as_json_with_the_key(upstream: Any, make: Make, respond: Any) -> None:
    upstream.answer = respond(201, OK)
    order_id = uuid4()
    make().request("POST", "/api/x", json={"order_id": order_id}, idempotency_key="k-1")
    sent = upstream.requests[0]
    assert json.loads(upstream.requests[0].body) == {"order_id": str(order_id)}
    assert sent.headers["Content-Type"] == "application/json"
    assert sent.headers["Idempotency-Key"] == "k-1"


@pytest.mark.parametrize("status", [200, 204])
def test_an_answer_without_a_body_is_none(
    upstream: Any, make: Make, respond: Any, status: int
) -> None:
    upstream.answer = respond(status)
    assert make().request("DELETE", "/api/x") is None


def test_request_id_trace_and_token_are_passed_on(
    upstream: Any, make: Make, respond: Any, app: Flask
) -> None:
    upstream.answer = respond(200, OK)
    with app.app_context():
        g.principal = Principal(uuid4(), frozenset(), "s", "j", 0, "the.caller's.token")
        set_request_id("request-123")
        set_traceparent(TRACE)
        make().get("/api/x")
    set_request_id(None)
    set_traceparent(None)
    make().get("/api/x")
    first, second = (request.headers for request in upstream.requests)
    assert first["Authorization"] == "Bearer the.caller's.token"
    assert (first["X-Request-ID"], first["traceparent"]) == ("request-123", TRACE)
    for name in ("Authorization", "X-Request-ID", "traceparent", "Idempotency-Key"):
        assert name not in second


def test_the_token_of_one_request_is_not_sent_by_the_next(
    upstream: Any, make: Make, respond: Any, client: FlaskClient, auth: Any, before_commit: Any
) -> None:
    upstream.answer = respond(200, OK)
    products = make()
    before_commit(lambda: products.get("/api/x"))
    headers = {**auth(), "Idempotency-Key": "a", "Cookie": "c=1"}
    client.post("/api/demo/orders", json={"name": "a"}, headers=headers)
    client.post("/api/demo/", json={"name": "b"})
    assert ["Authorization" in request.headers for request in upstream.requests] == [True, False]
    assert not any("Cookie" in request.headers for request in upstream.requests)


def test_cookies_are_neither_kept_nor_sent(upstream: Any, make: Make, respond: Any) -> None:
    upstream.answer = respond(200, OK, {"Set-Cookie": "session=of-another-user; Path=/"})
    products = make()
    products.get("/api/x")
    products.get("/api/x")
    assert [request.headers.get("Cookie") for request in upstream.requests] == [None, None]


def test_the_environment_has_no_say(
    upstream: Any, make: Make, respond: Any, closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port}")
    upstream.answer = respond(200, OK)
    assert make().get("/api/x") == {"id": 1}


def test_connections_are_used_again(upstream: Any, make: Make, respond: Any) -> None:
    upstream.answer = respond(200, OK)
    for _ in range(5):
        make().get("/api/x")
    assert len(upstream.connections) == 1


@pytest.mark.parametrize("path", ["api/x", "/api/../admin", "//..", ""])
def test_a_path_that_could_lead_elsewhere_is_a_defect(make: Make, path: str) -> None:
    with pytest.raises(ValueError, match="path"):
        make().get(path)


@pytest.mark.parametrize("url", ["", " , "])
def test_a_client_needs_a_base_url(url: str) -> None:
    with pytest.raises(ValueError, match="products"):
        ServiceClient("products", url)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, exceptions.BadRequest),
        (401, exceptions.Unauthorized),
        (403, exceptions.Forbidden),
        (404, exceptions.NotFound),
        (409, exceptions.Conflict),
        (412, exceptions.PreconditionFailed),
        (413, exceptions.PayloadTooLarge),
        (415, exceptions.UnsupportedMediaType),
        (422, exceptions.Unprocessable),
        (428, exceptions.PreconditionRequired),
        (429, exceptions.TooManyRequests),
    ],
)
def test_a_client_error_keeps_class_code_and_fields(
    upstream: Any,
    make: Make,
    respond: Any,
    envelope_error: Any,
    status: int,
    kind: type[ServiceError],
) -> None:
    fields = [{"field": "sku", "message": "Unknown."}]
    body = envelope_error("products.odd", message="Odd", errors=fields)
    upstream.answer = respond(status, body, {"Retry-After": "7"})
    with pytest.raises(ServiceError) as caught:
        make().get("/api/x")
    error = caught.value
    assert (type(error), error.code, error.message, error.errors) == (
        kind,
        "products.odd",
        "Odd",
        fields,
    )
    assert len(upstream.requests) == 1
    if isinstance(error, exceptions.TooManyRequests):
        assert error.retry_after == 7


@pytest.mark.parametrize(
    ("status", "body", "kind", "attempts"),
    [
        (500, b'{"code": "internal_error", "message": "x"}', BadGateway, 3),
        (502, b"<html>", BadGateway, 3),
        (504, b"", GatewayTimeout, 3),
        (503, b'{"code": "database_busy"}', ServiceUnavailable, 1),
        (404, b"<html>not ours</html>", BadGateway, 3),
        (418, b'{"code": "teapot"}', BadGateway, 3),
        (302, b"", BadGateway, 3),
        (200, b"<html>", BadGateway, 3),
        (200, b"[1]", BadGateway, 3),
        (200, b'{"success": true}', BadGateway, 3),
        (200, b'{"data": NaN}', BadGateway, 3),
        (200, b"\xff\xfe", BadGateway, 3),
        (200, b"[" * 100_000, BadGateway, 3),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_an_answer_that_cannot_be_used_is_the_gateways_error(
    upstream: Any,
    make: Make,
    respond: Any,
    status: int,
    body: bytes,
    kind: type[ServiceError],
    attempts: int,
) -> None:
    upstream.answer = respond(status, body, {"Location": "/elsewhere", "Retry-After": "5"})
    with pytest.raises(kind) as caught:
        make().get("/api/x")
    assert caught.value.code == kind.code
    assert upstream.paths == ["/api/x"] * attempts
    if isinstance(caught.value, ServiceUnavailable):
        assert caught.value.retry_after == 5


def test_nobody_listening_is_unavailable(make: Make, closed_port: int) -> None:
    with pytest.raises(ServiceUnavailable, match="products is not available"):
        make(f"http://127.0.0.1:{closed_port}").get("/api/x")


def test_an_answer_beyond_the_cap_is_refused(upstream: Any, make: Make, respond: Any) -> None:
    upstream.answer = respond(200, b'{"data": "' + b"x" * 5000 + b'"}')
    with pytest.raises(BadGateway, match="more than 1000 bytes"):
        make(limits=Limits(max_bytes=1000, retries=0)).get("/api/x")
    assert make(limits=Limits(max_bytes=10_000)).get("/api/x") == "x" * 5000


def test_an_answer_that_breaks_off_is_refused(upstream: Any, make: Make) -> None:
    def break_off(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b'{"data": ')
        handler.close_connection = True

    upstream.answer = break_off
    with pytest.raises(BadGateway):
        make().get("/api/x")
    assert len(upstream.requests) == 3
