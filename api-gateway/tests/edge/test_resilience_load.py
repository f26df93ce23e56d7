"""One service in trouble, under load: what happens to its requests, and to all others."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
KEYS = 'paths = ["/.well-known/jwks.json"]'


class Clients:
    """Threads that ask for one path again and again, and the statuses they got."""

    def __init__(self, gateway: Any, target: str, number: int = 4) -> None:
        self.statuses: list[int] = []
        self._stop = threading.Event()
        self._ask = lambda: gateway.ask(target).status
        self._threads = [threading.Thread(target=self._run) for _ in range(number)]

    def _run(self) -> None:
        while not self._stop.is_set():
            self.statuses.append(self._ask())

    def __enter__(self) -> "Clients":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)


@pytest.fixture
def pair(make_recorder: Callable[..., Any]) -> list[Any]:
    return [make_recorder(), make_recorder()]


@pytest.fixture
def two(start_gateway: Any, service_table: Any, pair: list[Any]) -> Any:
    """A gateway before two instances of one service."""
    url = ",".join(recorder.url for recorder in pair)
    return start_gateway(service_table("echo", "ECHO_URL", KEYS), {"ECHO_URL": url})


def test_busy_instance_gets_fewer_requests(two: Any, pair: list[Any], eventually: Any) -> None:
    release = threading.Event()

    def handler(_recorder: Any, peer: Any, head: bytes) -> bool:
        if b"/hang" in head:
            release.wait(60)
        peer.sendall(OK)
        return True

    for recorder in pair:
        recorder.handler = handler
    with two.wire() as wire:
        wire.send(b"GET /api/echo/hang HTTP/1.1\r\nHost: h\r\n\r\n")
        eventually(lambda: pair[0].heads or pair[1].heads)
        busy, free = (pair[0], pair[1]) if pair[0].heads else (pair[1], pair[0])
        assert {two.ask("/api/echo/x").status for _ in range(10)} == {200}
        assert (len(busy.heads), len(free.heads)) == (1, 10)
        release.set()
        assert wire.reply().status == 200


def test_no_request_is_lost_while_an_instance_dies_and_returns(
    two: Any, pair: list[Any], eventually: Any
) -> None:
    with Clients(two, "/api/echo/x") as clients:
        eventually(lambda: all(len(recorder.heads) > 20 for recorder in pair))
        pair[0].kill()
        pair[0].reset()
        served = len(pair[1].heads)
        eventually(lambda: len(pair[1].heads) > served + 50)
        pair[0].start(pair[0].port)
        returned = time.monotonic()
        eventually(lambda: len(pair[0].heads) > 20)
        assert time.monotonic() - returned < 10
    assert set(clients.statuses) == {200}


def test_restart_of_the_only_instance_is_over_within_two_intervals(
    start_gateway: Any, service_table: Any, make_recorder: Callable[..., Any], eventually: Any
) -> None:
    recorder = make_recorder()
    gateway = start_gateway(service_table("echo", "ECHO_URL", KEYS), {"ECHO_URL": recorder.url})
    with Clients(gateway, "/api/echo/x") as clients:
        eventually(lambda: len(clients.statuses) > 50)
        recorder.kill()
        eventually(lambda: 503 in clients.statuses)
        recorder.start(recorder.port)
        returned = time.monotonic()
        eventually(lambda: set(clients.statuses[-40:]) == {200})
        assert time.monotonic() - returned < 10
    assert set(clients.statuses) <= {200, 502, 503}


def test_three_hundred_hung_requests_hold_up_nobody_else(
    start_gateway: Any, service_table: Any, pair: list[Any], eventually: Any
) -> None:
    hung, well = pair
    hung.handler = lambda _recorder, peer, _head: peer.recv(1) != b""
    table = service_table("hung", "HUNG_URL", KEYS) + service_table("well", "WELL_URL")
    gateway = start_gateway(table, {"HUNG_URL": hung.url, "WELL_URL": well.url})
    with ExitStack() as stack:
        wires = [stack.enter_context(gateway.wire()) for _ in range(300)]
        for wire in wires:
            wire.send(b"GET /api/hung/x HTTP/1.1\r\nHost: h\r\n\r\n")
        eventually(lambda: len(hung.heads) == 256)
        refused = [reply for reply in map(answered, wires) if reply is not None]
        assert len(refused) == 44
        for reply in refused:
            assert (reply.status, reply.header("retry-after")) == (503, "1")
            assert json.loads(reply.body)["code"] == "gateway.overloaded"
        for target in ("/api/well/x", "/health"):
            assert min(timed(gateway, target) for _ in range(5)) < 0.1
        assert service_of(gateway, "hung")["in_flight"] == 256
    eventually(lambda: service_of(gateway, "hung")["in_flight"] == 0)
    hung.handler = None
    assert gateway.ask("/api/hung/x").status == 200


def answered(wire: Any) -> Any:
    """Return the reply on a wire, None where there is none yet."""
    wire.sock.settimeout(0.01)
    try:
        first = wire.sock.recv(1, 2)  # MSG_PEEK
    except TimeoutError:
        return None
    finally:
        wire.sock.settimeout(30)
    return wire.reply() if first else None


def timed(gateway: Any, target: str) -> float:
    started = time.monotonic()
    assert gateway.ask(target).status == 200
    return time.monotonic() - started


def service_of(gateway: Any, name: str) -> dict[str, Any]:
    return dict(json.loads(gateway.ask("/health").body)["data"]["services"][name])


@pytest.fixture
def stream(make_recorder: Callable[..., Any]) -> Iterator[Any]:
    """A service whose every answer is a stream of events that does not end."""
    recorder = make_recorder()

    def handler(_recorder: Any, peer: Any, _head: bytes) -> bool:
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
        return peer.recv(1) != b""

    recorder.handler = handler
    return recorder


def test_stream_counts_until_it_ends(
    start_gateway: Any, service_table: Any, stream: Any, eventually: Any
) -> None:
    table = service_table("events", "EVENTS_URL", f"{KEYS}\nmax_in_flight = 2")
    gateway = start_gateway(table, {"EVENTS_URL": stream.url})
    with gateway.wire() as first, gateway.wire() as second:
        for wire in (first, second):
            wire.send(b"GET /api/events/x HTTP/1.1\r\nHost: h\r\n\r\n")
            assert wire.sock.recv(15) == b"HTTP/1.1 200 OK"
        assert json.loads(gateway.ask("/api/events/x").body)["code"] == "gateway.overloaded"
    eventually(lambda: service_of(gateway, "events")["in_flight"] == 0)


def test_total_time_bounds_an_answer_that_goes_on(
    start_gateway: Any, service_table: Any, stream: Any
) -> None:
    table = service_table("events", "EVENTS_URL", f"{KEYS}\ntotal_timeout = 0.4")
    gateway = start_gateway(table, {"EVENTS_URL": stream.url})
    started = time.monotonic()
    with gateway.wire() as wire:
        wire.send(b"GET /api/events/x HTTP/1.1\r\nHost: h\r\n\r\n")
        received = wire.rest()
    assert 0.4 <= time.monotonic() - started < 3.0
    assert b"data: 1" in received and not received.endswith(b"0\r\n\r\n")
