"""Header rules in both directions, against the real server."""

import json
from typing import Any

import pytest

HOP_BY_HOP = {
    "Keep-Alive": "timeout=5", "Proxy-Connection": "keep-alive", "TE": "trailers",
    "Trailer": "X-T", "Upgrade": "websocket", "Proxy-Authorization": "Basic eA==",
}  # fmt: skip


def answer(*lines: str, body: str = "{}", status: str = "200 OK") -> bytes:
    fields = "".join(f"{line}\r\n" for line in lines)
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{fields}\r\n{body}".encode(
        "latin-1"
    )


@pytest.mark.parametrize("name", HOP_BY_HOP)
def test_hop_by_hop_header_ends_at_the_gateway(gateway: Any, recorder: Any, name: str) -> None:
    recorder.answer = answer(f"{name}: {HOP_BY_HOP[name]}")
    reply = gateway.ask("/api/echo/x", headers={name: HOP_BY_HOP[name]})
    assert name.lower() not in dict(recorder.fields())
    assert name.lower() not in dict(reply.headers)


def test_headers_named_in_connection_are_removed_both_ways(gateway: Any, recorder: Any) -> None:
    recorder.answer = answer("Connection: X-Inner, keep-alive", "X-Inner: 1", "X-Kept: 2")
    sent = {"Connection": "keep-alive, X-Hop", "X-Hop": "1", "X-End": "2"}
    reply = gateway.ask("/api/echo/x", headers=sent)
    names = dict(recorder.fields())
    assert ("x-hop" in names, names["x-end"]) == (False, "2")
    assert ("x-inner" in dict(reply.headers), reply.header("x-kept")) == (False, "2")


def test_connection_cannot_remove_what_the_gateway_sets(gateway: Any, recorder: Any) -> None:
    named = "X-User-Id, X-Request-ID, X-Forwarded-For, X-Forwarded-Host, Via, Host, Content-Length"
    gateway.ask("/api/echo/x", "POST", headers={"Connection": named}, body=b"12345")
    names = dict(recorder.fields())
    assert names["x-forwarded-for"] == "127.0.0.1"
    assert names["x-forwarded-host"] == "shop.example"
    assert names["via"] == "1.1 platform-gateway"
    assert (len(names["x-request-id"]), names["content-length"]) == (32, "5")


@pytest.mark.parametrize(
    "name",
    ["X-User-Id", "x-user-roles", "X_User_Id", "X_USER_ROLES", "X-Forwarded-Server", "Forwarded",
     "X-Real-IP", "Proxy", "SCRIPT_NAME", "X_Request_ID"],
)  # fmt: skip
def test_what_only_the_gateway_may_say_is_dropped(gateway: Any, recorder: Any, name: str) -> None:
    assert gateway.ask("/api/echo/x", headers={name: "666"}).status == 200
    assert "666" not in dict(recorder.fields()).values()


def test_forwarding_headers_of_a_client_are_replaced(gateway: Any, recorder: Any) -> None:
    spoofed = {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "x"}
    gateway.ask("/api/echo/x", headers=spoofed)
    fields = [field for field in recorder.fields() if field[0].startswith("x-forwarded-")]
    assert sorted(fields) == [
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-host", "shop.example"),
        ("x-forwarded-proto", "http"),
    ]


def test_verified_identity_is_passed_on(gateway: Any, recorder: Any, token: Any) -> None:
    bearer = token(roles=("customer", "staff"), sub="0192-user")
    headers = {"Authorization": f"Bearer {bearer}", "X-User-Id": "666", "X-User-Roles": "admin"}
    assert gateway.ask("/api/users/me", headers=headers).status == 200
    fields = [field for field in recorder.fields() if field[0].startswith("x-user-")]
    assert fields == [("x-user-id", "0192-user"), ("x-user-roles", "customer,staff")]
    assert dict(recorder.fields())["authorization"] == f"Bearer {bearer}"


def test_repeated_headers_stay_apart_and_in_order(gateway: Any, recorder: Any) -> None:
    cookies = ["Set-Cookie: a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT", "Set-Cookie: b=2"]
    recorder.answer = answer(cookies[0], "X-Multi: one", cookies[1], "X-Multi: two")
    with gateway.wire() as wire:
        lines = "X-Multi: one\r\nAccept: a\r\nX-Multi: two\r\nCookie: c=1\r\nCookie: d=2\r\n"
        wire.send(f"GET /api/echo/x HTTP/1.1\r\nHost: h\r\n{lines}\r\n".encode())
        reply = wire.reply()
    sent = [field for field in recorder.fields() if field[0] in ("x-multi", "cookie")]
    assert sent == [("x-multi", "one"), ("x-multi", "two"), ("cookie", "c=1"), ("cookie", "d=2")]
    got = [f"{n}: {v}" for n, v in reply.headers if n in ("set-cookie", "x-multi")]
    assert got == [cookies[0].replace("Set", "set").replace("Cookie:", "cookie:"),
                   "x-multi: one", "set-cookie: b=2", "x-multi: two"]  # fmt: skip


def test_a_service_keeps_its_own_headers(gateway: Any, recorder: Any) -> None:
    kept = {
        "Content-Encoding": "gzip", "ETag": '"v1"', "Location": "/api/echo/y", "Server": "svc/1",
        "Date": "Wed, 21 Oct 2026 07:28:00 GMT", "Content-Type": "text/x", "X-Latin": "caf\xe9",
    }  # fmt: skip
    recorder.answer = answer(*(f"{n}: {v}" for n, v in kept.items()), status="302 Elsewhere")
    reply = gateway.ask("/api/echo/x")
    assert reply.status == 302
    assert {name: reply.header(name.lower()) for name in kept} == kept


def test_the_client_gets_one_date(gateway: Any, recorder: Any) -> None:
    assert gateway.ask("/api/echo/x").header("date").endswith("GMT")


@pytest.mark.parametrize("given", [None, "", "short", "a" * 129, "evil id", "x;y=zzzzzz"])
def test_request_id_is_made_where_none_is_acceptable(
    gateway: Any, recorder: Any, given: str | None
) -> None:
    reply = gateway.ask("/api/echo/x", headers={} if given is None else {"X-Request-ID": given})
    made = reply.header("x-request-id")
    assert (len(made), made != given) == (32, True)
    assert [v for n, v in recorder.fields() if n == "x-request-id"] == [made]


def test_request_id_of_the_client_is_kept_and_the_services_is_not(
    gateway: Any, recorder: Any
) -> None:
    recorder.answer = answer("X-Request-ID: from-the-service", "X-Response-Time: 9s")
    reply = gateway.ask("/api/echo/x", headers={"X-Request-ID": "order-42.retry_1"})
    assert reply.header("x-request-id") == "order-42.retry_1"
    assert dict(recorder.fields())["x-request-id"] == "order-42.retry_1"
    assert float(reply.header("x-response-time").removesuffix("ms")) >= 0


def test_trace_of_the_client_goes_on_and_else_begins_here(gateway: Any, recorder: Any) -> None:
    given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    gateway.ask("/api/echo/x", headers={"traceparent": given})
    gateway.ask("/api/echo/x", headers={"traceparent": "00-nonsense"})
    (first,), (second,) = (
        [value for name, value in recorder.fields(number) if name == "traceparent"]
        for number in (0, 1)
    )
    continued, begun = first.split("-"), second.split("-")
    assert (continued[1], continued[2] != given.split("-")[2]) == (given.split("-")[1], True)
    assert (len(begun[1]), len(begun[2])) == (32, 16)


def test_a_request_that_comes_back_is_stopped(gateway: Any, recorder: Any) -> None:
    reply = gateway.ask("/api/echo/x", headers={"Via": "1.1 a, 1.1 platform-gateway"})
    assert (reply.status, recorder.heads) == (508, [])


def test_via_of_others_is_kept(gateway: Any, recorder: Any) -> None:
    gateway.ask("/api/echo/x", headers={"Via": "1.1 cache"})
    assert dict(recorder.fields())["via"] == "1.1 cache, 1.1 platform-gateway"


@pytest.mark.parametrize("host", ["a b", "a/b", "a@b", "a\\b", ""])
def test_malformed_host_is_refused(gateway: Any, recorder: Any, host: str) -> None:
    reply = gateway.ask("/api/echo/x", headers={"Host": host})
    assert (reply.status, json.loads(reply.body)["code"]) == (400, "gateway.bad_host")
    assert recorder.heads == []


def test_missing_host_is_refused_in_1_1_and_accepted_in_1_0(gateway: Any, recorder: Any) -> None:
    with gateway.wire() as wire:
        wire.send(b"GET /api/echo/x HTTP/1.1\r\n\r\n")
        assert wire.reply().status == 400
    with gateway.wire() as wire:
        wire.send(b"GET /api/echo/x HTTP/1.0\r\n\r\n")
        assert wire.reply().status == 200
    assert "x-forwarded-host" not in dict(recorder.fields())
