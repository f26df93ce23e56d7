"""What nginx answers itself: refusals in the platform's envelope, limits, static files."""

import hashlib
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

ENVELOPE = ["success", "message", "code", "errors", "request_id"]


def assert_envelope(answer: Any, status: int, code: str) -> None:
    assert (answer.status, answer.json["code"]) == (status, code)
    assert list(answer.json) == ENVELOPE
    assert (answer.json["success"], answer.json["errors"]) == (False, [])
    assert answer.headers.get_all("Content-Type") == ["application/json"]
    assert answer.headers.get_all("X-Request-ID") == [answer.json["request_id"]]
    assert answer.headers.get_all("Strict-Transport-Security") == ["max-age=31536000"]
    assert answer.headers["Server"] == "nginx"


@pytest.mark.parametrize(
    ("method", "target", "status", "code"),
    [
        ("GET", "/api/echo/%zz", 400, "edge.malformed_request"),
        ("GET", "/api/echo/%00", 400, "edge.malformed_request"),
        ("GET", "/../x", 400, "edge.malformed_request"),
        ("GET", "/api/echo/a b", 400, "edge.malformed_request"),
        ("GET", "/api/echo/" + "x" * 20_000, 414, "edge.target_too_long"),
        ("TRACE", "/api/echo/x", 405, "edge.method_refused"),
        ("GET", "/static/absent.css", 404, "edge.not_found"),
        ("GET", "/.edge-error", 404, "edge.not_found"),
        ("GET", "/metrics", 404, "edge.not_found"),
        ("POST", "/static/robots.txt", 403, "edge.forbidden"),
    ],
)
def test_a_refusal_of_nginx_has_the_envelope(
    edge: Any, recorder: Any, method: str, target: str, status: int, code: str
) -> None:
    assert_envelope(edge.ask(target, method), status, code)
    assert recorder.lines == []


def test_headers_over_the_limit_are_refused_with_431(edge: Any) -> None:
    answer = edge.ask("/api/echo/x", headers={"X-Long": "x" * 20_000})

    assert_envelope(answer, 431, "edge.headers_too_large")


@pytest.mark.parametrize("framing", ["Content-Length: 2000000", "Transfer-Encoding: chunked"])
def test_a_body_over_the_limit_of_its_route_is_refused_by_the_gateway(
    edge: Any, recorder: Any, framing: str
) -> None:
    block = b"x" * 2000
    with edge.wire() as wire:
        wire.send(f"POST /api/small/x HTTP/1.1\r\nHost: h\r\n{framing}\r\n\r\n".encode())
        wire.send(b"7d0\r\n%b\r\n" % block if "chunked" in framing else block)
        answer = wire.reply("POST")

    assert (answer.status, answer.json["code"]) == (413, "gateway.body_too_large")
    assert answer.headers.get_all("X-Request-ID") == [answer.json["request_id"]]


def test_a_body_over_any_limit_is_refused_before_it_is_sent(edge: Any, recorder: Any) -> None:
    answer = edge.ask("/api/echo/x", "POST", {"Content-Length": "1073741825"})

    assert_envelope(answer, 413, "edge.body_too_large")
    assert recorder.lines == []


def test_without_the_gateway_the_answer_is_502_with_the_clients_request_id(
    start_nginx: Callable[..., Any], free_port: Callable[[], int]
) -> None:
    alone = start_nginx(free_port())

    answer = alone.ask("/api/echo/x?key=s3cret", headers={"X-Request-ID": "order-0001"})

    assert_envelope(answer, 502, "edge.gateway_unreachable")
    assert answer.json["request_id"] == "order-0001"
    assert answer.headers["Retry-After"] == "2"
    assert "s3cret" not in (alone.folder / "stderr").read_text()


@pytest.fixture(scope="module")
def impatient(start_nginx: Callable[..., Any], shared_recorder: Any) -> Any:
    """An nginx that waits 0.3 s for the upstream and 1 s for a client's head."""
    return start_nginx(
        shared_recorder.port,
        {"client_header_timeout 10s": "client_header_timeout 1s",
         "proxy_read_timeout 75s": "proxy_read_timeout 300ms"},
    )  # fmt: skip


def test_a_gateway_that_hangs_is_answered_for_with_504(impatient: Any, recorder: Any) -> None:
    answered = threading.Event()

    def handler(_recorder: Any, _sock: Any, _head: bytes) -> bool:
        return not answered.wait(10)

    recorder.handler = handler
    answer = impatient.ask("/api/echo/x")
    answered.set()

    assert_envelope(answer, 504, "edge.gateway_timeout")
    assert len(recorder.heads) == 1


def test_a_client_that_never_ends_its_head_is_cut_off(impatient: Any) -> None:
    with impatient.wire() as wire:
        wire.send(b"GET / HTTP/1.1\r\nHost: h\r\nX-Slow: ")
        wire.sock.settimeout(5)
        try:
            rest = wire.sock.recv(4096)
        except ConnectionResetError:
            rest = b""
    assert rest == b""


def test_a_flood_of_one_address_is_refused_and_others_are_served(edge: Any) -> None:
    with edge.wire("127.0.0.9") as wire:
        wire.send(b"GET /static/robots.txt HTTP/1.1\r\nHost: h\r\n\r\n" * 900)
        answers = [wire.reply() for _ in range(900)]

    refused = [answer for answer in answers if answer.status != 200]
    assert refused != []
    assert_envelope(refused[0], 429, "edge.too_many_requests")
    assert refused[0].headers["Retry-After"] == "1"
    assert edge.ask("/static/robots.txt").status == 200


def test_the_report_on_instances_is_for_the_inside(edge: Any) -> None:
    outside = {"X-Forwarded-For": "203.0.113.9"}

    assert edge.ask("/health").json["data"]["services"]["echo"]
    assert_envelope(edge.ask("/health", headers=outside, source="127.0.0.3"), 404, "edge.not_found")
    assert edge.ask("/health/ready", headers=outside, source="127.0.0.3").status == 200


def test_static_files_carry_how_long_they_may_be_kept(edge: Any) -> None:
    folder = edge.folder / "www" / "static"
    name = f"app.{hashlib.sha256(b'x').hexdigest()[:12]}.js"
    (folder / name).write_text("let x = 1;\n")

    robots, script = edge.ask("/robots.txt"), edge.ask(f"/static/{name}")

    assert (robots.body, robots.headers["Content-Type"]) == (
        b"User-agent: *\nDisallow: /\n", "text/plain",
    )  # fmt: skip
    assert robots.headers["Cache-Control"] == "public, max-age=300"
    assert robots.headers["X-Content-Type-Options"] == "nosniff"
    assert script.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert script.headers["Strict-Transport-Security"] == "max-age=31536000"
    again = {"If-None-Match": robots.headers["ETag"]}
    assert edge.ask("/static/robots.txt", headers=again).status == 304


def test_the_log_is_json_without_query_or_token(
    edge: Any, recorder: Any, eventually: Callable[..., None]
) -> None:
    asked = {"Authorization": "Bearer s3cret", "X-Request-ID": "log-test-1", "Cookie": "c=s3cret"}
    edge.ask("/api/echo/a%2F%22b?key=s3cret", headers=asked)

    eventually(lambda: [line for line in edge.log() if line["request_id"] == "log-test-1"] != [])

    (line,) = [line for line in edge.log() if line["request_id"] == "log-test-1"]
    assert (line["method"], line["path"], line["status"]) == ("GET", "/api/echo/a%2F%22b", 200)
    assert (line["service"], line["client"]) == ("edge", "127.0.0.1")
    assert line["seconds"] < 5
    assert "s3cret" not in (edge.folder / "stdout").read_text()


def test_nothing_to_speak_of_is_logged_as_json_too(
    edge: Any, eventually: Callable[..., None]
) -> None:
    with socket.create_connection(("127.0.0.1", edge.http_port), 5) as sock:
        sock.sendall(b"\x00\x01nonsense\r\n\r\n")
        assert b'"code":"edge.malformed_request"' in sock.recv(4096)

    eventually(lambda: [line for line in edge.log() if line["path"] == ""] != [])
