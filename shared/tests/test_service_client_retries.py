"""Retries, time-outs and the breaker of the service client."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chassis import http_pool
from chassis.circuit_breaker import CircuitBreaker
from chassis.exceptions import BadGateway, GatewayTimeout, NotFound, ServiceUnavailable
from chassis.service_client import Limits, ServiceClient

OK = b'{"success": true, "message": "OK", "data": 1, "meta": {}}'
Make = Callable[..., ServiceClient]


@pytest.fixture
def released() -> Iterator[threading.Event]:
    """An upstream that hangs waits for this; set at the end of the test."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def pauses() -> list[float]:
    """How long the client has slept between attempts, in seconds."""
    return []


@pytest.fixture
def make(upstream: Any, pauses: list[float]) -> Make:
    """Make a client of the upstream with a breaker of its own."""
    breaker = CircuitBreaker(threshold=1000)

    def build(url: str = upstream.url, **options: Any) -> ServiceClient:
        options.setdefault("breaker", lambda _url: breaker)
        return ServiceClient("products", url, sleep=pauses.append, **options)

    return build


def after(failures: int, fail: Any, succeed: Any) -> Callable[[Any], None]:
    """Answer with `fail` so many times, then with `succeed`."""
    left = iter(range(failures))
    return lambda handler: fail(handler) if next(left, None) is not None else succeed(handler)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_idempotent_methods_are_retried(
    upstream: Any, make: Make, respond: Any, pauses: list[float], method: str
) -> None:
    upstream.answer = after(2, respond(502), respond(200, OK if method != "HEAD" else b""))
    make().request(method, "/api/x")
    assert len(upstream.requests) == 3
    assert len(pauses) == 2 and 0 <= pauses[0] <= 0.05 and 0 <= pauses[1] <= 0.1


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_other_methods_are_sent_once(upstream: Any, make: Make, respond: Any, method: str) -> None:
    upstream.answer = after(1, respond(502), respond(200, OK))
    with pytest.raises(BadGateway):
        make().request(method, "/api/x", json={})
    assert len(upstream.requests) == 1


def test_a_post_with_a_key_is_retried_with_the_same_key_and_body(
    upstream: Any, make: Make, respond: Any
) -> None:
    upstream.answer = after(2, respond(502), respond(201, OK))
    assert make().request("POST", "/api/x", json={"a": 1}, idempotency_key="k") == 1
    assert [request.headers["Idempotency-Key"] for request in upstream.requests] == ["k"] * 3
    assert [request.body for request in upstream.requests] == [b'{"a":1}'] * 3


def test_a_connection_that_is_reset_is_retried(upstream: Any, make: Make, respond: Any) -> None:
    def reset(handler: Any) -> None:
        handler.close_connection = True

    upstream.answer = after(1, reset, respond(200, OK))
    assert make().get("/api/x") == 1
    assert len(upstream.requests) == 2


def test_an_answer_that_does_not_come_is_a_timeout(
    upstream: Any, make: Make, released: threading.Event
) -> None:
    upstream.answer = lambda _handler: released.wait(20)
    with pytest.raises(GatewayTimeout, match="products did not answer in time"):
        make(timeout=(1.0, 0.1)).get("/api/x")
    assert len(upstream.requests) == 3


def test_all_attempts_together_end_by_the_deadline(
    upstream: Any, make: Make, released: threading.Event
) -> None:
    upstream.answer = lambda _handler: released.wait(20)
    with pytest.raises(GatewayTimeout):
        make(timeout=(1.0, 5.0), limits=Limits(total=0.3, retries=50)).get("/api/x")
    assert len(upstream.requests) == 1


def test_a_body_that_drips_in_ends_by_the_deadline(
    upstream: Any, make: Make, released: threading.Event
) -> None:
    def drip(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        while not released.wait(0.05):
            handler.wfile.write(b" ")

    upstream.answer = drip
    with pytest.raises(GatewayTimeout):
        make(timeout=(1.0, 5.0), limits=Limits(total=0.4, retries=0)).get("/api/x")


def test_failures_in_a_row_open_the_breaker(upstream: Any, make: Make, respond: Any) -> None:
    now = [100.0]
    breaker = CircuitBreaker(threshold=3, reset_after=5.0, clock=lambda: now[0])
    products = make(breaker=lambda _url: breaker)
    upstream.answer = respond(500)
    with pytest.raises(BadGateway):
        products.get("/api/x")
    assert len(upstream.requests) == 3
    with pytest.raises(ServiceUnavailable) as caught:
        products.get("/api/x")
    assert (caught.value.code, caught.value.retry_after) == ("circuit_open", 5)
    assert len(upstream.requests) == 3
    now[0] += 5
    upstream.answer = respond(200, OK)
    assert products.get("/api/x") == 1
    assert not breaker.is_open


def test_a_client_error_does_not_open_the_breaker(upstream: Any, make: Make, respond: Any) -> None:
    breaker = CircuitBreaker(threshold=1)
    upstream.answer = respond(404, b'{"code": "x", "message": "y"}')
    for _ in range(3):
        with pytest.raises(NotFound):
            make(breaker=lambda _url: breaker).get("/api/x")
    assert len(upstream.requests) == 3


def test_the_breaker_of_one_instance_leaves_the_others_alone(
    upstream: Any, make: Make, respond: Any, closed_port: int
) -> None:
    upstream.answer = respond(200, OK)
    dead = f"http://127.0.0.1:{closed_port}"
    breakers = {dead: CircuitBreaker(threshold=1), upstream.url: CircuitBreaker(threshold=1)}
    products = make(f"{dead}, {upstream.url}/", breaker=breakers.__getitem__)
    assert [products.get("/api/x") for _ in range(20)] == [1] * 20
    assert breakers[dead].is_open and not breakers[upstream.url].is_open


def test_the_process_has_one_session_and_one_breaker_for_each_url() -> None:
    assert http_pool.session() is http_pool.session()
    assert http_pool.breaker("http://a") is http_pool.breaker("http://a")
    assert http_pool.breaker("http://a") is not http_pool.breaker("http://b")


def test_a_forked_process_makes_its_own_session() -> None:
    before = http_pool.session()
    http_pool._forget()
    assert http_pool.session() is not before
