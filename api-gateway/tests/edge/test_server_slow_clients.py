"""Clients that are slow on purpose cost one connection for a few seconds, and nobody else."""

import json
import threading
from typing import Any

import pytest

HEAD = b"POST /api/echo/x HTTP/1.1\r\nHost: h\r\n"


@pytest.fixture(scope="module")
def gateway(start_gateway: Any, service_table: Any, shared_recorder: Any) -> Any:
    more = 'max_body_bytes = 1000000000\npaths = ["/.well-known/jwks.json"]'
    return start_gateway(
        service_table("echo", "ECHO_URL", more),
        {
            "ECHO_URL": shared_recorder.url,
            "CLIENT_HEAD_TIMEOUT": "0.8",
            "CLIENT_BODY_TIMEOUT": "0.8",
        },
    )


def trickle(wire: Any, data: bytes) -> bytes:
    """Send a byte now and then until something comes back; return all of that."""
    wire.sock.settimeout(0.1)
    for byte in data:
        try:
            wire.send(bytes([byte]))
            first = wire.sock.recv(65536)
            break
        except TimeoutError:
            continue
    else:
        raise AssertionError("the server took it all")
    wire.sock.settimeout(10)
    return bytes(first + wire.rest())


def refused(answer: bytes) -> bool:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ") and b"\r\nConnection: close" in head
    return bool(json.loads(body)["code"] == "gateway.client_too_slow")


def test_head_that_trickles_in_is_408(gateway: Any, recorder: Any) -> None:
    with gateway.wire() as wire:
        assert refused(trickle(wire, HEAD + b"A: b\r\n" * 10))
    assert recorder.heads == []


def test_head_that_stops_is_408_on_a_connection_in_use_too(gateway: Any, recorder: Any) -> None:
    with gateway.wire() as wire:
        wire.send(HEAD + b"\r\n")
        assert wire.reply("POST").status == 200
        wire.send(HEAD)
        assert refused(wire.rest())


def test_connection_that_never_asks_is_closed(gateway: Any) -> None:
    with gateway.wire() as wire:
        assert wire.rest() == b""


def test_connection_that_asked_may_be_idle_for_longer(gateway: Any, recorder: Any) -> None:
    with gateway.wire() as wire, gateway.wire() as silent:
        wire.send(HEAD + b"\r\n")
        assert wire.reply("POST").status == 200
        assert silent.rest() == b""
        wire.send(HEAD + b"\r\n")
        assert wire.reply("POST").status == 200


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 70000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n7d0\r\n"]
)
def test_body_that_stops_is_408(gateway: Any, recorder: Any, framing: bytes) -> None:
    recorder.handler = lambda _recorder, peer, _head: peer.recv(65536) != b""
    with gateway.wire() as wire:
        wire.send(HEAD + framing + b"x" * 1000)
        assert refused(wire.rest())


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 60000\r\n\r\n", b"Content-Length: 90000\r\n\r\n"]
)
def test_body_that_trickles_in_is_408(gateway: Any, recorder: Any, framing: bytes) -> None:
    recorder.handler = lambda _recorder, peer, _head: peer.recv(65536) != b""
    with gateway.wire() as wire:
        wire.send(HEAD + framing)
        assert refused(trickle(wire, b"x" * 100))
    assert recorder.bodies == []


def test_client_that_does_not_read_frees_the_service(
    gateway: Any, recorder: Any, eventually: Any
) -> None:
    def handler(_recorder: Any, peer: Any, _head: bytes) -> bool:
        peer.settimeout(8)
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 300000000\r\n\r\n")
        for _ in range(300):
            peer.sendall(b"x" * 1_000_000)
        return True

    recorder.handler = handler
    with gateway.wire() as wire:
        wire.send(HEAD + b"X-Request-ID: stalled-reader\r\n\r\n")
        assert recorder.closed.wait(6)
        eventually(lambda: '"stalled-reader"' in gateway.log.read_text())
    (line,) = [text for text in gateway.log.read_text().splitlines() if "stalled-reader" in text]
    assert json.loads(line)["status"] == 499


def test_many_slow_clients_hold_up_nobody_else(gateway: Any, recorder: Any) -> None:
    wires, pause = [gateway.wire() for _ in range(200)], threading.Event()
    opened = [wire.__enter__() for wire in wires]
    for wire in opened:
        wire.send(HEAD)
    for _ in range(5):
        assert gateway.ask("/api/echo/x").status == 200
        pause.wait(0.05)
    assert all(refused(wire.rest()) for wire in opened)
    for wire in wires:
        wire.__exit__(None, None, None)
