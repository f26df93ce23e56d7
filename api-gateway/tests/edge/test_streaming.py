"""Bodies stream both ways; whoever goes away frees the other side."""

import socket
import threading
import time
from typing import Any

import psutil
import pytest

HEAD = b"HTTP/1.1 200 OK\r\n"
MEGABYTE = b"x" * 1_000_000


def worker_memory(gateway: Any) -> int:
    children = psutil.Process(gateway.process.pid).children()
    return max(child.memory_info().rss for child in children)


def test_download_of_100_mb_keeps_memory_flat(gateway: Any, recorder: Any) -> None:
    def handler(_recorder: Any, sock: Any, _head: bytes) -> bool:
        sock.sendall(HEAD + b"Content-Length: 100000000\r\n\r\n")
        for _ in range(100):
            sock.sendall(MEGABYTE)
        return True

    recorder.handler = handler
    before, most, received = worker_memory(gateway), 0, 0
    with gateway.wire() as wire:
        wire.send(b"GET /api/echo/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        while block := wire.sock.recv(1_000_000):
            received += len(block)
            most = max(most, worker_memory(gateway))
    assert 100_000_000 < received < 100_001_000
    assert most - before < 8_000_000


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_upload_of_100_mb_keeps_memory_flat(gateway: Any, recorder: Any, chunked: bool) -> None:
    received = []

    def handler(_recorder: Any, sock: Any, head: bytes) -> bool:
        total, last = 0, b""
        while not last.endswith(b"0\r\n\r\n") if chunked else total < 100_000_000:
            last = sock.recv(1_000_000)
            assert last
            total += len(last)
        received.append(total)
        sock.sendall(HEAD + b"Content-Length: 0\r\n\r\n")
        return False

    recorder.handler = handler
    before, most = worker_memory(gateway), 0
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: 100000000"
    with gateway.wire() as wire:
        wire.send(b"POST /api/echo/x HTTP/1.1\r\nHost: h\r\n" + framing + b"\r\n\r\n")
        for _ in range(100):
            wire.send(b"%x\r\n%b\r\n" % (len(MEGABYTE), MEGABYTE) if chunked else MEGABYTE)
            most = max(most, worker_memory(gateway))
        wire.send(b"0\r\n\r\n" if chunked else b"")
        assert wire.reply("POST").status == 200
    assert received[0] >= 100_000_000
    assert most - before < 8_000_000


def test_a_reader_that_stalls_does_not_fill_the_memory(gateway: Any, recorder: Any) -> None:
    stalled = threading.Event()

    def handler(_recorder: Any, sock: Any, _head: bytes) -> bool:
        sock.settimeout(0.5)
        sock.sendall(HEAD + b"Content-Length: 300000000\r\n\r\n")
        try:
            for _ in range(300):
                sock.sendall(MEGABYTE)
        except TimeoutError:
            stalled.set()
        return False

    recorder.handler = handler
    before = worker_memory(gateway)
    with gateway.wire() as wire:
        wire.send(b"GET /api/echo/x HTTP/1.1\r\nHost: h\r\n\r\n")
        assert stalled.wait(20)
        assert worker_memory(gateway) - before < 16_000_000
    assert gateway.ask("/health/live").status == 200


def test_each_event_arrives_at_once(gateway: Any, recorder: Any) -> None:
    may_go_on = threading.Event()

    def handler(_recorder: Any, sock: Any, _head: bytes) -> bool:
        sock.sendall(HEAD + b"Content-Type: text/event-stream\r\n\r\ndata: 1\n\n")
        may_go_on.wait(60)
        sock.sendall(b"data: 2\n\n")
        return False

    recorder.handler = handler
    with gateway.wire() as wire:
        wire.send(b"GET /api/echo/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        seen = b""
        while b"data: 1\n\n" not in seen:
            seen += wire.sock.recv(4096)
        assert b"data: 2" not in seen
        may_go_on.set()
        assert b"data: 2\n\n" in wire.rest()


def test_upload_is_passed_on_as_it_comes(gateway: Any, recorder: Any) -> None:
    seen: list[bytes] = []
    first = threading.Event()

    def handler(_recorder: Any, sock: Any, _head: bytes) -> bool:
        while b"0\r\n\r\n" not in b"".join(seen):
            seen.append(sock.recv(4096))
            first.set()
        sock.sendall(HEAD + b"Content-Length: 0\r\n\r\n")
        return False

    recorder.handler = handler
    with gateway.wire() as wire:
        wire.send(b"POST /api/echo/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
        wire.send(b"5\r\nhello\r\n")
        assert first.wait(30)
        wire.send(b"6\r\n world\r\n0\r\nX-Late: no\r\n\r\n")
        assert wire.reply("POST").status == 200
    assert b"".join(seen) == b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"


@pytest.mark.parametrize("body", [b"", b"x", b"\0\xff" * 40_000, b"y" * 65_537])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_body_arrives_as_it_was_sent(gateway: Any, recorder: Any, method: str, body: bytes) -> None:
    assert (
        gateway.ask("/api/echo/x", method, {"Content-Length": str(len(body))}, body).status == 200
    )
    assert recorder.bodies == [body]


def test_client_that_gives_up_waiting_frees_the_service(gateway: Any, recorder: Any) -> None:
    asked, freed = threading.Event(), threading.Event()

    def handler(_recorder: Any, sock: Any, _head: bytes) -> bool:
        asked.set()
        sock.settimeout(4)
        if sock.recv(1) == b"":
            freed.set()
        return False

    recorder.handler = handler
    with gateway.wire() as wire:
        wire.send(b"GET /api/echo/x HTTP/1.1\r\nHost: h\r\n\r\n")
        assert asked.wait(30)
    started = time.monotonic()
    assert freed.wait(4)
    assert time.monotonic() - started < 1.0


def test_client_that_stops_reading_frees_the_service(gateway: Any, recorder: Any) -> None:
    def handler(_recorder: Any, sock: Any, _head: bytes) -> bool:
        sock.settimeout(4)
        sock.sendall(HEAD + b"\r\n")
        while True:
            sock.sendall(MEGABYTE)

    recorder.handler = handler
    with gateway.wire() as wire:
        wire.send(b"GET /api/echo/x HTTP/1.1\r\nHost: h\r\n\r\n")
        wire.sock.recv(100)
    assert recorder.closed.wait(2)


@pytest.mark.parametrize("framing", ["Content-Length: 200000", "Transfer-Encoding: chunked"])
def test_upload_that_breaks_off_is_never_complete_for_the_service(
    gateway: Any, recorder: Any, framing: str
) -> None:
    got: list[bytes] = []
    ended = threading.Event()

    def handler(_recorder: Any, sock: Any, _head: bytes) -> bool:
        sock.settimeout(4)
        while block := sock.recv(65536):
            got.append(block)
        ended.set()
        return False

    recorder.handler = handler
    with gateway.wire() as wire:
        wire.send(f"POST /api/echo/x HTTP/1.1\r\nHost: h\r\n{framing}\r\n\r\n".encode())
        wire.send(b"5\r\nhello\r\n")
        wire.sock.shutdown(socket.SHUT_WR)
        assert ended.wait(2)
    assert b"".join(got) in (b"5\r\nhello\r\n", b"5\r\nhello\r\n"[:10])


def test_a_thousand_lost_clients_leave_no_descriptor_behind(
    gateway: Any, recorder: Any, eventually: Any
) -> None:
    def handler(_recorder: Any, sock: Any, _head: bytes) -> bool:
        sock.sendall(HEAD + b"Content-Length: 1000\r\n\r\n" + b"x" * 500)
        return sock.recv(1) != b""

    worker = max(psutil.Process(gateway.process.pid).children(), key=lambda child: child.num_fds())
    before = worker.num_fds()
    recorder.handler = handler
    for _ in range(1000):
        with gateway.wire() as wire:
            wire.send(b"GET /api/echo/x HTTP/1.1\r\nHost: h\r\n\r\n")
    eventually(lambda: worker.num_fds() <= before + 2)
    assert gateway.ask("/health/live").status == 200
