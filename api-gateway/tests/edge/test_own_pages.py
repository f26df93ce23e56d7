"""The gateway's own pages: index, health, 404; the log; start and stop."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

HEALTHY = b'HTTP/1.1 200 OK\r\nContent-Length: 31\r\n\r\n{"status":"ok","version":"1.2"}'
BROKEN = b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture(scope="module")
def trio(make_recorder: Callable[[], Any]) -> list[Any]:
    """Two instances of a critical service, and one of an optional one."""
    return [make_recorder() for _ in range(3)]


@pytest.fixture(scope="module")
def health_gateway(start_gateway: Any, service_table: Any, trio: list[Any]) -> Any:
    table = service_table("vital", "VITAL_URL", 'paths = ["/.well-known/jwks.json"]')
    table += service_table("extra", "EXTRA_URL", "critical = false")
    urls = {"VITAL_URL": f"{trio[0].url},{trio[1].url}", "EXTRA_URL": trio[2].url}
    return start_gateway(table, urls)


def health(gateway: Any) -> tuple[int, dict[str, Any]]:
    reply = gateway.ask("/health")
    return reply.status, json.loads(reply.body)


@pytest.mark.parametrize(
    ("answers", "status", "overall", "vital", "extra"),
    [
        ((HEALTHY, HEALTHY, HEALTHY), 200, "healthy", "healthy", "healthy"),
        ((HEALTHY, BROKEN, HEALTHY), 200, "degraded", "degraded", "healthy"),
        ((HEALTHY, HEALTHY, BROKEN), 200, "degraded", "healthy", "unhealthy"),
        ((BROKEN, BROKEN, HEALTHY), 503, "unhealthy", "unhealthy", "healthy"),
    ],
)
def test_health_tells_each_service_and_the_whole(
    health_gateway: Any, trio: list[Any], answers: tuple[bytes, ...],
    status: int, overall: str, vital: str, extra: str,
) -> None:  # fmt: skip
    for recorder, answer in zip(trio, answers, strict=True):
        recorder.reset()
        recorder.answer = answer
    got, body = health(health_gateway)
    services = body["data"]["services"]
    assert (got, body["data"]["status"]) == (status, overall)
    assert (services["vital"]["status"], services["extra"]["status"]) == (vital, extra)
    assert body["success"] is (status == 200)
    assert [recorder.lines for recorder in trio] == [[b"GET /health HTTP/1.1"]] * 3


def test_health_says_how_long_why_and_which_version(health_gateway: Any, trio: list[Any]) -> None:
    for recorder, answer in zip(trio, (HEALTHY, BROKEN, HEALTHY), strict=True):
        recorder.reset()
        recorder.answer = answer
    first, second = health(health_gateway)[1]["data"]["services"]["vital"]["instances"]
    assert (first["url"], first["version"], "reason" in first) == (trio[0].url, "1.2", False)
    assert (second["url"], second["reason"]) == (trio[1].url, "answered 503")
    assert 0 < first["response_time_ms"] < 900


def test_health_does_not_wait_for_a_service_that_hangs(
    health_gateway: Any, trio: list[Any]
) -> None:
    for recorder in trio:
        recorder.reset()
        recorder.answer = HEALTHY
    trio[2].handler = lambda _recorder, peer, _head: peer.recv(1) != b""
    started = time.monotonic()
    status, body = health(health_gateway)
    assert time.monotonic() - started < 1.5
    extra = body["data"]["services"]["extra"]
    assert (status, extra["status"]) == (200, "unhealthy")
    assert extra["instances"][0]["reason"] == "no answer in time"


def test_live_looks_at_no_service(health_gateway: Any, trio: list[Any]) -> None:
    for recorder in trio:
        recorder.reset()
    assert health_gateway.ask("/health/live").status == 200
    assert health_gateway.ask("/health/ready").status == 200
    assert [recorder.heads for recorder in trio] == [[], [], []]


def test_index_names_the_services(gateway: Any) -> None:
    body = json.loads(gateway.ask("/").body)
    assert body["name"] == "platform-gateway"
    assert body["links"]["services"]["users"] == "/api/users"
    assert body["links"]["health"] == "/health"


@pytest.mark.parametrize(("method", "status"), [("GET", 404), ("POST", 404), ("HEAD", 404)])
def test_unknown_path_has_the_envelope(gateway: Any, method: str, status: int) -> None:
    reply = gateway.ask("/nothing/here", method, {"X-Request-ID": "find-me-again"})
    assert (reply.status, reply.header("x-request-id")) == (status, "find-me-again")
    if method != "HEAD":
        assert json.loads(reply.body) == {
            "success": False, "message": "There is nothing at this path",
            "code": "gateway.unknown_route", "errors": [], "request_id": "find-me-again",
        }  # fmt: skip


def test_own_page_refuses_other_methods(gateway: Any) -> None:
    reply = gateway.ask("/health", "POST")
    assert (reply.status, json.loads(reply.body)["code"]) == (405, "gateway.method_refused")
    assert "GET" in reply.header("allow")


def logged(gateway: Any, request_id: str) -> list[dict[str, Any]]:
    lines = gateway.log.read_text().splitlines()
    return [json.loads(line) for line in lines if f'"{request_id}"' in line]


def test_each_request_is_logged_once_with_its_outcome(
    gateway: Any, recorder: Any, eventually: Any
) -> None:
    recorder.answer = b"HTTP/1.1 201 Made\r\nContent-Length: 5\r\n\r\nhello"
    headers = {"X-Request-ID": "logged-request-1"}
    gateway.ask("/api/echo/secret?token=hunter2", "POST", headers, b"x")
    eventually(lambda: logged(gateway, "logged-request-1"))
    (line,) = logged(gateway, "logged-request-1")
    del line["timestamp"], line["ms"]
    assert line.pop("trace_id") == dict(recorder.fields())["traceparent"].split("-")[1]
    assert line == {
        "service": "gateway", "event": "request", "level": "info",
        "logger": "api_gateway.middleware.access_log", "request_id": "logged-request-1",
        "method": "POST", "path": "/api/echo/secret", "status": 201, "upstream": "echo", "bytes": 5,
    }  # fmt: skip
    assert "hunter2" not in gateway.log.read_text()


def test_what_was_wrong_with_a_service_stands_in_the_log(
    gateway: Any, recorder: Any, eventually: Any
) -> None:
    recorder.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx"
    gateway.ask("/api/echo/x", headers={"X-Request-ID": "odd-answer-1"})
    gateway.ask("/api/down/x", headers={"X-Request-ID": "down-service-1"})
    eventually(lambda: logged(gateway, "down-service-1"))
    (odd,), (down,) = logged(gateway, "odd-answer-1"), logged(gateway, "down-service-1")
    cause = "(BadFraming: Duplicate Content-Length)"
    assert (odd["status"], odd["error"]) == (502, f"gateway.bad_upstream_answer {cause}")
    cause = "(Unreachable: refused)"
    assert (down["status"], down["error"]) == (503, f"gateway.upstream_unreachable {cause}")


def test_client_that_left_is_logged_as_499(gateway: Any, recorder: Any, eventually: Any) -> None:
    asked = threading.Event()

    def handler(_recorder: Any, peer: Any, _head: bytes) -> bool:
        asked.set()
        return peer.recv(1) != b""

    recorder.handler = handler
    with gateway.wire() as wire:
        lines = b"Host: h\r\nX-Request-ID: gone-client-1\r\n\r\n"
        wire.send(b"GET /api/echo/x HTTP/1.1\r\n" + lines)
        assert asked.wait(5)
    eventually(lambda: logged(gateway, "gone-client-1"))
    assert [line["status"] for line in logged(gateway, "gone-client-1")] == [499]


def test_stop_finishes_what_runs_and_drops_idle_connections(
    start_gateway: Any, service_table: Any, recorder: Any
) -> None:
    table = service_table("echo", "ECHO_URL", 'paths = ["/.well-known/jwks.json"]')
    gateway = start_gateway(table, {"ECHO_URL": recorder.url})
    asked, release = threading.Event(), threading.Event()

    def handler(_recorder: Any, peer: Any, _head: bytes) -> bool:
        asked.set()
        release.wait(10)
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        return True

    recorder.handler = handler
    with gateway.wire() as idle, gateway.wire() as busy:
        idle.send(b"GET /health/live HTTP/1.1\r\nHost: h\r\n\r\n")
        assert idle.reply().status == 200
        busy.send(b"GET /api/echo/x HTTP/1.1\r\nHost: h\r\n\r\n")
        assert asked.wait(5)
        gateway.process.send_signal(signal.SIGTERM)
        assert idle.sock.recv(1) == b""
        release.set()
        assert (busy.reply().body, busy.sock.recv(1)) == (b"ok", b"")
        assert gateway.process.wait(6) == 0


@pytest.mark.parametrize(
    ("environ", "problem"),
    [
        ({"PORT": "many", "LOG_FORMAT": "xml"}, "PORT is not a valid int"),
        ({"GATEWAY_ROUTES": "/nowhere.toml"}, "route table /nowhere.toml"),
        ({"ORDERS_URL": "http://h/path"}, "services.orders: ORDERS_URL must hold base URLs"),
    ],
)
def test_wrong_settings_are_named_and_nothing_starts(environ: dict[str, str], problem: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "api_gateway"], env=environ, capture_output=True, text=True,
        timeout=20, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (78, "")
    assert problem in done.stderr and "Traceback" not in done.stderr
