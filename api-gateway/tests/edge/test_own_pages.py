"""The gateway's own pages: index, health, 404; the log; start and stop."""

import json
import signal
import subprocess
import sys
import threading
from typing import Any

import pytest


def test_live_looks_at_no_service(gateway: Any, recorder: Any) -> None:
    assert gateway.ask("/health/live").status == 200
    assert gateway.ask("/health/ready").status == 200
    assert recorder.heads == []


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
    assert down["status"] == 503
    assert down["error"].startswith("gateway.no_healthy_instance (")
    assert "onnection refused" in down["error"]


def test_client_that_left_is_logged_as_499(gateway: Any, recorder: Any, eventually: Any) -> None:
    asked = threading.Event()

    def handler(_recorder: Any, peer: Any, _head: bytes) -> bool:
        asked.set()
        return peer.recv(1) != b""

    recorder.handler = handler
    with gateway.wire() as wire:
        lines = b"Host: h\r\nX-Request-ID: gone-client-1\r\n\r\n"
        wire.send(b"GET /api/echo/x HTTP/1.1\r\n" + lines)
        assert asked.wait(30)
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
        release.wait(60)
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        return True

    recorder.handler = handler
    with gateway.wire() as idle, gateway.wire() as busy:
        idle.send(b"GET /health/live HTTP/1.1\r\nHost: h\r\n\r\n")
        assert idle.reply().status == 200
        busy.send(b"GET /api/echo/x HTTP/1.1\r\nHost: h\r\n\r\n")
        assert asked.wait(30)
        gateway.process.send_signal(signal.SIGTERM)
        assert idle.sock.recv(1) == b""
        release.set()
        assert (busy.reply().body, busy.rest()) == (b"ok", b"")
        assert gateway.process.wait(20) == 0


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
