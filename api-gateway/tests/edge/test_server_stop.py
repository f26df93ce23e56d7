"""Workers come and go without a lost request."""

import http.client
import signal
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

import psutil
import pytest

GET = b"GET /api/echo/x HTTP/1.1\r\nHost: h\r\n"


@pytest.fixture
def start(start_gateway: Any, service_table: Any, recorder: Any) -> Callable[..., Any]:
    def start(**environ: str) -> Any:
        table = service_table("echo", "ECHO_URL", 'paths = ["/.well-known/jwks.json"]')
        return start_gateway(table, {"ECHO_URL": recorder.url, **environ})

    return start


def workers(gateway: Any) -> list[psutil.Process]:
    return psutil.Process(gateway.process.pid).children()


def connected(gateway: Any, worker: psutil.Process) -> int:
    """Count a worker's connections to clients."""
    found = worker.net_connections("tcp")
    return sum(c.status == "ESTABLISHED" and c.laddr.port == gateway.port for c in found)


class Client(threading.Thread):
    """Asks over one connection; a new one only where the old one ended before a byte came back."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.port = port
        self.answered = 0
        self.errors: list[Exception | int] = []
        self.stopped = threading.Event()

    def run(self) -> None:
        connection, fresh = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30), True
        while not self.stopped.is_set():
            try:
                connection.request("POST", "/api/echo/x", b"body")
                response = connection.getresponse()
                response.read()
                self.answered += response.status == 200
                if response.status != 200:
                    self.errors.append(response.status)
                fresh = response.will_close
            except (http.client.RemoteDisconnected, BrokenPipeError) as error:
                if fresh:
                    self.errors.append(error)
                connection.close()
                fresh = True
            except Exception as error:
                self.errors.append(error)
                connection.close()
                fresh = True
        connection.close()


def wait_for_answers(clients: list[Client], eventually: Any) -> None:
    before = [client.answered for client in clients]
    eventually(lambda: all(c.answered > n + 5 for c, n in zip(clients, before, strict=True)), 20)


def end_workers(gateway: Any, eventually: Any) -> None:
    old = workers(gateway)

    def ended() -> bool:
        # Like gunicorn's arbiter again and again: a worker that just starts hears nothing yet.
        for worker in old:
            with suppress(psutil.NoSuchProcess):
                worker.terminate()
        return not any(worker.is_running() for worker in old)

    eventually(ended, timeout=20)


def reload(gateway: Any, _eventually: Any) -> None:
    gateway.process.send_signal(signal.SIGHUP)


@pytest.mark.parametrize("number", ["1", "2"])
def test_no_request_is_lost_while_workers_are_replaced(
    start: Callable[..., Any], eventually: Any, number: str
) -> None:
    gateway = start(WEB_WORKERS=number)
    clients = [Client(gateway.port) for _ in range(6)]
    for client in clients:
        client.start()
    for replace in (end_workers, reload, end_workers):
        wait_for_answers(clients, eventually)
        replace(gateway, eventually)
    wait_for_answers(clients, eventually)
    for client in clients:
        client.stopped.set()
    for client in clients:
        client.join(10)
    assert [client.errors for client in clients] == [[]] * 6
    assert len(workers(gateway)) == int(number)


def test_request_that_has_begun_is_answered_after_the_stop(start: Callable[..., Any]) -> None:
    gateway = start()
    with gateway.wire() as begun, gateway.wire() as fresh, gateway.wire() as idle:
        idle.send(GET + b"\r\n")
        assert idle.reply().status == 200
        begun.send(GET[:20])
        gateway.process.send_signal(signal.SIGTERM)
        assert idle.rest() == b""
        begun.send(GET[20:] + b"\r\n")
        fresh.send(GET + b"\r\n")
        for wire in (begun, fresh):
            reply = wire.reply()
            assert (reply.status, reply.header("connection")) == (200, "close")
            assert wire.rest() == b""
    assert gateway.process.wait(20) == 0


def test_two_workers_share_the_connections(start: Callable[..., Any], eventually: Any) -> None:
    gateway = start(WEB_WORKERS="2")
    with ExitStack() as wires:

        def burst() -> None:
            """Ask over ten new connections at the same time."""
            opened = [wires.enter_context(gateway.wire()) for _ in range(10)]
            for wire in opened:
                wire.send(GET + b"\r\n")
            assert [wire.reply().status for wire in opened] == [200] * 10

        def both_serve() -> bool:
            # The second worker may still be starting while the first one serves.
            burst()
            return min(connected(gateway, worker) for worker in workers(gateway)) >= 5

        eventually(both_serve, timeout=30)
        before = [connected(gateway, worker) for worker in workers(gateway)]
        for _ in range(6):
            burst()
        after = [connected(gateway, worker) for worker in workers(gateway)]
    shares = [late - early for early, late in zip(before, after, strict=True)]
    assert (sum(shares), min(shares) >= 10) == (60, True)
