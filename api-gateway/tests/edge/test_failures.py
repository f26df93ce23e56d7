"""What the client gets when a service is down, late or broken; and what is tried again."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def refusal(reply: Any) -> tuple[int, str]:
    body = json.loads(reply.body)
    assert set(body) == {"success", "message", "code", "errors", "request_id"}
    assert (body["success"], body["request_id"]) == (False, reply.header("x-request-id"))
    assert reply.header("content-type") == "application/json"
    return reply.status, body["code"]


def test_service_that_is_down_is_503_with_a_hint(gateway: Any, recorder: Any) -> None:
    reply = gateway.ask("/api/down/x")
    assert refusal(reply) == (503, "gateway.no_healthy_instance")
    assert reply.header("retry-after") == "1"
    assert "down service" in json.loads(reply.body)["message"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_service_that_does_not_answer_is_504_and_asked_once(
    gateway: Any, recorder: Any, method: str
) -> None:
    recorder.handler = lambda _recorder, sock, _head: sock.recv(1) != b""
    started = time.monotonic()
    assert refusal(gateway.ask("/api/slow/x", method)) == (504, "gateway.upstream_timeout")
    assert 0.4 <= time.monotonic() - started < 2.0
    assert len(recorder.heads) == 1


def test_head_that_trickles_in_is_504_too(gateway: Any, recorder: Any) -> None:
    def handler(_recorder: Any, sock: Any, _head: bytes) -> bool:
        pause = threading.Event()
        for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n":
            sock.sendall(bytes([byte]))
            pause.wait(0.1)
        return False

    recorder.handler = handler
    assert refusal(gateway.ask("/api/slow/x")) == (504, "gateway.upstream_timeout")


def test_body_without_progress_is_cut_off(gateway: Any, recorder: Any) -> None:
    def handler(_recorder: Any, sock: Any, _head: bytes) -> bool:
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
        return sock.recv(1) != b""

    recorder.handler = handler
    with gateway.wire() as wire:
        wire.send(b"GET /api/slow/x HTTP/1.1\r\nHost: h\r\n\r\n")
        assert wire.rest().endswith(b"\r\n\r\nhello")


def test_service_that_hangs_up_without_an_answer_is_502(gateway: Any, recorder: Any) -> None:
    recorder.handler = lambda *_: False
    assert refusal(gateway.ask("/api/echo/x")) == (502, "gateway.bad_upstream_answer")


def warm(gateway: Any, recorder: Any) -> None:
    """Leave one idle connection in the pool, which the service closes at the next request."""
    seen: list[int] = []

    def handler(_recorder: Any, sock: Any, head: bytes) -> bool:
        if sock.fileno() in seen and b"/warm" not in head:
            return False
        seen.append(sock.fileno())
        if b"Content-Length: 4" in head:
            sock.recv(4)
        sock.sendall(OK)
        return True

    recorder.handler = handler
    assert gateway.ask("/api/echo/warm").status == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_idempotent_request_is_sent_again_over_a_new_connection(
    gateway: Any, recorder: Any, method: str
) -> None:
    warm(gateway, recorder)
    body = b"" if method in ("GET", "HEAD") else b"body"
    assert gateway.ask("/api/echo/x", method, body=body).status == 200
    assert recorder.lines[1:] == [f"{method} /api/echo/x HTTP/1.1".encode()] * 2


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_other_requests_are_never_sent_twice(gateway: Any, recorder: Any, method: str) -> None:
    warm(gateway, recorder)
    reply = gateway.ask("/api/echo/x", method, body=b"body")
    assert refusal(reply) == (502, "gateway.bad_upstream_answer")
    assert recorder.lines[1:] == [f"{method} /api/echo/x HTTP/1.1".encode()]


def test_request_is_not_sent_again_once_a_byte_came_back(gateway: Any, recorder: Any) -> None:
    def handler(_recorder: Any, sock: Any, _head: bytes) -> bool:
        sock.sendall(b"HTTP/1.1 200")
        return False

    recorder.handler = handler
    assert gateway.ask("/api/echo/x").status == 502
    assert len(recorder.heads) == 1


def test_connection_that_the_service_closed_meanwhile_is_not_used(
    gateway: Any, recorder: Any
) -> None:
    def handler(_recorder: Any, sock: Any, _head: bytes) -> bool:
        sock.sendall(OK)
        return False

    recorder.handler = handler
    for _ in range(3):
        assert gateway.ask("/api/echo/x", "POST").status == 200
        assert recorder.closed.wait(30)
        recorder.closed.clear()


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_instance_that_is_down_is_passed_over(gateway: Any, recorder: Any, method: str) -> None:
    for _ in range(6):
        assert gateway.ask("/api/pair/x", method, body=b"x" * 100_000).status == 200
    assert len(recorder.heads) == 6


def test_one_service_that_hangs_holds_up_nobody_else(gateway: Any, recorder: Any) -> None:
    release = threading.Event()

    def handler(_recorder: Any, sock: Any, head: bytes) -> bool:
        if b"/hang" in head:
            release.wait(60)
        sock.sendall(OK)
        return True

    recorder.handler = handler
    with ThreadPoolExecutor(64) as pool:
        hanging = [pool.submit(gateway.ask, "/api/echo/hang") for _ in range(64)]
        while len(recorder.heads) < 64:
            assert not any(future.done() for future in hanging)
        started = time.monotonic()
        assert gateway.ask("/api/echo/x").status == 200
        assert time.monotonic() - started < 1.0
        release.set()
        assert {future.result().status for future in hanging} == {200}


@pytest.mark.parametrize("expect", ["", "Expect: 100-continue\r\n"], ids=["plain", "expecting"])
def test_announced_body_over_the_limit_is_413_unread(
    gateway: Any, recorder: Any, expect: str
) -> None:
    with gateway.wire() as wire:
        lines = f"Host: h\r\nContent-Length: 1000000\r\n{expect}\r\n"
        wire.send(f"POST /api/small/x HTTP/1.1\r\n{lines}".encode())
        reply = wire.reply("POST")
    assert refusal(reply) == (413, "gateway.body_too_large")
    assert (reply.header("connection"), recorder.heads) == ("close", [])


def test_refusal_is_readable_while_the_client_still_sends(gateway: Any, recorder: Any) -> None:
    with gateway.wire() as wire:
        wire.send(b"POST /api/small/x HTTP/1.1\r\nHost: h\r\nContent-Length: 5000000\r\n\r\n")
        for _ in range(5):
            wire.send(b"x" * 1_000_000)
        assert wire.reply("POST").status == 413


def test_chunked_body_is_counted_and_stopped_at_the_limit(gateway: Any, recorder: Any) -> None:
    with gateway.wire() as wire:
        wire.send(b"POST /api/small/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
        wire.send(b"3e8\r\n" + b"x" * 1000 + b"\r\n1\r\nx\r\n0\r\n\r\n")
        assert refusal(wire.reply("POST")) == (413, "gateway.body_too_large")
    assert recorder.bodies == []


def test_body_at_the_limit_passes(gateway: Any, recorder: Any) -> None:
    assert gateway.ask("/api/small/x", "POST", body=b"x" * 1000).status == 200


def test_early_refusal_of_a_service_reaches_the_client(gateway: Any, recorder: Any) -> None:
    def handler(_recorder: Any, sock: Any, _head: bytes) -> bool:
        sock.sendall(b"HTTP/1.1 422 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
        return sock.recv(1) == b""

    recorder.handler = handler
    with gateway.wire() as wire:
        wire.send(b"POST /api/echo/x HTTP/1.1\r\nHost: h\r\nContent-Length: 900000000\r\n\r\n")
        wire.sock.settimeout(0.2)
        try:
            while True:
                wire.send(b"x" * 1_000_000)
        except OSError:
            wire.sock.settimeout(30)
        assert wire.reply("POST").status == 422


def test_client_waits_for_100_continue_and_gets_it(gateway: Any, recorder: Any) -> None:
    with gateway.wire() as wire:
        lines = "Host: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n"
        wire.send(f"POST /api/echo/x HTTP/1.1\r\n{lines}\r\n".encode())
        interim = b"HTTP/1.1 100 Continue\r\n\r\n"
        assert wire.sock.recv(len(interim)) == interim
        wire.send(b"hello")
        assert wire.reply("POST").status == 200
    assert (recorder.bodies, "expect" in dict(recorder.fields())) == ([b"hello"], False)
