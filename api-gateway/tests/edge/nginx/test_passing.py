"""What reaches the services, and what comes back, through nginx and the gateway."""

import gzip
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

LONG = json.dumps({"data": ["tea"] * 1000}).encode()
JSON_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
MEGABYTE = b"x" * 1_000_000


def answer_with(body: bytes, *lines: str) -> bytes:
    more = "".join(f"{line}\r\n" for line in lines).encode()
    return JSON_HEAD + more + b"Content-Length: %d\r\n\r\n" % len(body) + body


@pytest.mark.parametrize(
    "target",
    [
        "/api/echo/a%2Fb", "/api/echo//a//", "/api/echo/%20+;x=1&&", "/api/echo/%FF%e4%25",
        "/api/echo/a...b", "/api/echo/[1]", "/api/echo/x?", "/api/echo/x?q=%zz&p=/../&r=//",
    ],
)  # fmt: skip
def test_the_target_arrives_byte_for_byte(edge: Any, recorder: Any, target: str) -> None:
    assert edge.ask(target).status == 200
    assert recorder.lines == [f"GET {target} HTTP/1.1".encode()]


@pytest.mark.parametrize(
    "target",
    ["/api/echo/../x", "/api/echo/%2e%2e/x", "/api/echo/..%2fx", "/api/echo/%5c", "/static/../api"],
)
def test_a_path_with_two_readings_is_refused_by_the_gateway(
    edge: Any, recorder: Any, target: str
) -> None:
    answer = edge.ask(target)

    assert (answer.status, answer.json["code"]) == (400, "gateway.bad_target")
    assert recorder.lines == []


SPOOFED = {
    "X-Forwarded-For": "203.0.113.9",
    "X-Forwarded-Proto": "gopher",
    "X-Forwarded-Host": "evil.example",
    "X-Real-IP": "203.0.113.9",
    "X_Forwarded_For": "203.0.113.9",
    "Forwarded": "for=203.0.113.9",
    "Connection": "X-Forwarded-For, X-Request-ID",
}


def test_what_a_client_says_of_itself_is_replaced_by_nginx(bare: Any, recorder: Any) -> None:
    assert bare.ask("/x", headers={**SPOOFED, "X-Request-ID": "order-0001"}).status == 200

    assert sorted(recorder.fields()) == [
        ("host", "shop.example"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-host", "shop.example"),
        ("x-forwarded-proto", "https"),
        ("x-request-id", "order-0001"),
    ]


def test_services_learn_the_clients_address_scheme_and_host(edge: Any, recorder: Any) -> None:
    headers = {**SPOOFED, "X-User-Id": "somebody-else"}

    assert edge.ask("/api/echo/x", headers=headers, source="127.0.0.2").status == 200

    seen = dict(recorder.fields())
    assert seen["x-forwarded-for"] == "127.0.0.2"
    assert seen["x-forwarded-proto"] == "https"
    assert seen["x-forwarded-host"] == "shop.example"
    assert {"x-real-ip", "forwarded", "x-user-id"} & set(seen) == set()


def test_the_address_a_configured_balancer_names_is_believed(edge: Any, recorder: Any) -> None:
    named = {"X-Forwarded-For": "198.51.100.1, 203.0.113.9"}

    assert edge.ask("/api/echo/x", headers=named, source="127.0.0.3").status == 200
    assert dict(recorder.fields())["x-forwarded-for"] == "203.0.113.9"


def test_the_authority_of_an_absolute_target_stands_above_host(edge: Any, recorder: Any) -> None:
    answer = edge.ask("http://other.example:8443/api/echo/x", headers={"Host": "ignored.example"})

    assert answer.status == 200
    assert recorder.lines == [b"GET /api/echo/x HTTP/1.1"]
    assert dict(recorder.fields())["x-forwarded-host"] == "other.example:8443"


def test_a_path_that_only_resembles_one_of_nginxs_own_is_the_gateways(edge: Any) -> None:
    answer = edge.ask("//static/robots.txt")

    assert (answer.status, answer.json["code"]) == (404, "gateway.unknown_route")


def test_a_request_id_passes_and_comes_back_once(edge: Any, recorder: Any) -> None:
    answer = edge.ask("/api/echo/x", headers={"X-Request-ID": "order-0001.retry"})

    assert answer.headers.get_all("X-Request-ID") == ["order-0001.retry"]
    assert dict(recorder.fields())["x-request-id"] == "order-0001.retry"


def test_a_malformed_request_id_is_replaced_once_for_the_log_and_all_behind(
    edge: Any, recorder: Any, eventually: Callable[..., None]
) -> None:
    answer = edge.ask("/api/echo/x", headers={"X-Request-ID": "a b"})

    (given,) = answer.headers.get_all("X-Request-ID")
    assert len(given) == 32
    assert dict(recorder.fields())["x-request-id"] == given
    eventually(lambda: given in [line["request_id"] for line in edge.log()])


def test_repeated_cookies_arrive_apart_and_in_order(edge: Any, recorder: Any) -> None:
    recorder.answer = answer_with(b"{}", "Set-Cookie: a=1; Expires=Wed, 21 Oct", "Set-Cookie: b=2")

    cookies = edge.ask("/api/echo/x").headers.get_all("Set-Cookie")

    assert cookies == ["a=1; Expires=Wed, 21 Oct", "b=2"]


def test_long_json_is_compressed_for_who_accepts_it(edge: Any, recorder: Any) -> None:
    recorder.answer = answer_with(LONG)

    packed = edge.ask("/api/echo/x", headers={"Accept-Encoding": "gzip"})
    plain = edge.ask("/api/echo/x")

    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Vary"] == "Accept-Encoding"
    assert gzip.decompress(packed.body) == LONG
    assert len(packed.body) < len(LONG) / 10
    assert (plain.headers["Content-Encoding"], plain.body) == (None, LONG)


@pytest.mark.parametrize(
    ("target", "body", "encoding"),
    [("/api/echo/x", LONG, "br"), ("/api/users/me", LONG, None), ("/api/echo/x", b"{}", None)],
    ids=["encoded by the service", "of an account", "short"],
)
def test_an_answer_that_is_better_left_alone_is_not_compressed(
    edge: Any, recorder: Any, target: str, body: bytes, encoding: str | None
) -> None:
    recorder.answer = answer_with(body, *([f"Content-Encoding: {encoding}"] if encoding else []))

    answer = edge.ask(target, headers={"Accept-Encoding": "gzip, br"})

    assert (answer.headers["Content-Encoding"], answer.body) == (encoding, body)


def test_the_tag_of_a_compressed_answer_is_good_for_an_edit(edge: Any, recorder: Any) -> None:
    recorder.answer = answer_with(LONG, 'ETag: "7.2"')
    tag = edge.ask("/api/echo/x", headers={"Accept-Encoding": "gzip"}).headers["ETag"]

    edge.ask("/api/echo/x", "PUT", {"If-Match": tag}, b"{}")

    assert tag == 'W/"7.2"'
    assert dict(recorder.fields())["if-match"] == '"7.2"'


def test_each_event_arrives_at_once(edge: Any, recorder: Any) -> None:
    may_go_on = threading.Event()

    def handler(_recorder: Any, sock: Any, _head: bytes) -> bool:
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
        may_go_on.wait(60)
        sock.sendall(b"data: 2\n\n")
        return False

    recorder.handler = handler
    with edge.wire() as wire:
        wire.send(b"GET /api/echo/x HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n")
        seen = b""
        while b"data: 1\n\n" not in seen:
            seen += wire.sock.recv(4096)
        assert b"data: 2" not in seen
        may_go_on.set()
        while b"data: 2\n\n" not in seen:
            seen += wire.sock.recv(4096)


def test_an_upload_of_50_mb_passes_as_it_comes_and_lies_on_no_disk(
    edge: Any, recorder: Any
) -> None:
    begun = threading.Event()
    received = []

    def handler(_recorder: Any, sock: Any, _head: bytes) -> bool:
        total = 0
        while total < 50_000_000:
            block = sock.recv(1_000_000)
            assert block
            total += len(block)
            begun.set()
        received.append(total)
        sock.sendall(JSON_HEAD + b"Content-Length: 0\r\n\r\n")
        return False

    recorder.handler = handler
    with edge.wire() as wire:
        wire.send(b"POST /api/echo/x HTTP/1.1\r\nHost: h\r\nContent-Length: 50000000\r\n\r\n")
        wire.send(MEGABYTE)
        assert begun.wait(30)
        for _ in range(49):
            wire.send(MEGABYTE)
        lying = [path for path in (edge.folder / "temporary").rglob("*") if path.is_file()]
        assert wire.reply("POST").status == 200
    assert received == [50_000_000]
    assert [path.name for path in lying] == ["nginx.pid"]
