"""The target reaches the service byte for byte, or not at all."""

from typing import Any

import pytest

VERBATIM = [
    "/api/echo", "/api/echo/", "/api/echo?", "/api/echo/?", "/api/echo/?a=1", "/api/echo//x//",
    "/api/echo/a%2Fb", "/api/echo/a%2fb", "/api/echo/a%20b", "/api/echo/a%2520b", "/api/echo/a+b",
    "/api/echo/a;b=c;d", "/api/echo/%zz", "/api/echo/%", "/api/echo/%FF%fe", "/api/echo/[x]|^`{}",
    "/api/echo/a...b", "/api/echo/.../x", "/api/echo/.hidden", "/api/echo/a..", "/api/echo/~x",
    "/api/echo/%7Ex", "/api/echo/x:y@z", "/api/echo/!$&'()*,=", "/api/echo/%252e%252e/x",
    "/api/echo/x?a=1&&b=&a=2&=", "/api/echo/x?q=a/../b", "/api/echo/x?q=%2e%2e%00", "/api/echo/x??",
    "/api/echo/x?q=a+b%20c%2B", "/api/echo/x?a[]=1&a[]=2", '/api/echo/x?j={"a":"b"}',
]  # fmt: skip
REFUSED = [
    "/api/echo/../users/1", "/api/echo/./x", "/api/echo/..", "/api/echo/.", "/api/echo/x/..?a=1",
    "/api/echo/%2e%2e/admin", "/api/echo/%2E%2e/x", "/api/echo/.%2e/x", "/api/echo/%2e/x",
    "/api/echo/..%2f..%2finternal", "/api/echo/x%2f..%2fy", "/api/echo/x%2F%2e%2e", "/../api/echo",
    "/api/echo/..;/x", "/api/echo/a%5cb", "/api/echo/a%5Cb", "/api/echo/a\\b", "/api/echo/..\\x",
    "/api/echo/%00", "/api/echo/x%00.png", "/api/echo/x#y", "/health/../api/echo",
]  # fmt: skip


@pytest.mark.parametrize("target", VERBATIM)
def test_target_is_forwarded_byte_for_byte(gateway: Any, recorder: Any, target: str) -> None:
    assert gateway.ask(target).status == 200
    assert recorder.lines == [f"GET {target} HTTP/1.1".encode()]


@pytest.mark.parametrize("target", REFUSED)
def test_target_with_two_readings_is_refused(gateway: Any, recorder: Any, target: str) -> None:
    reply = gateway.ask(target)
    assert (reply.status, b'"gateway.bad_target"' in reply.body) == (400, True)
    assert recorder.heads == []


@pytest.mark.parametrize(
    "target",
    ["/api/nobody/x", "/api/echoes", "/api/ECHO/x", "/api/%65cho/x", "/api/echo%2fx",
     "//api/echo/x", "/api//echo/x", "//evil.example/api/echo", "/api", "/api/", "/nothing"],
)  # fmt: skip
def test_path_of_no_service_is_not_found(gateway: Any, recorder: Any, target: str) -> None:
    reply = gateway.ask(target)
    assert (reply.status, b'"gateway.unknown_route"' in reply.body) == (404, True)
    assert recorder.heads == []


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "PROPFIND", "QUERY"])
def test_method_is_passed_on(gateway: Any, recorder: Any, method: str) -> None:
    assert gateway.ask("/api/echo/x", method).status == 200
    assert recorder.lines == [f"{method} /api/echo/x HTTP/1.1".encode()]


def test_trace_would_show_what_the_gateway_adds_and_is_refused(gateway: Any, recorder: Any) -> None:
    reply = gateway.ask("/api/echo/x", "TRACE")
    assert (reply.status, recorder.heads) == (405, [])
    assert "GET" in reply.header("allow")


def test_absolute_form_changes_neither_origin_nor_path(gateway: Any, recorder: Any) -> None:
    target = "http://evil.example/api/echo/x?y"
    assert gateway.ask(target, headers={"Host": "other.example"}).status == 200
    assert recorder.lines == [b"GET /api/echo/x?y HTTP/1.1"]
    fields = dict(recorder.fields())
    assert fields["host"] == f"127.0.0.1:{recorder.port}"
    assert fields["x-forwarded-host"] == "evil.example"


def test_request_line_of_8000_octets_passes_and_a_longer_one_is_414(
    gateway: Any, recorder: Any
) -> None:
    target = "/api/echo/" + "x" * 7970
    assert gateway.ask(target).status == 200
    assert recorder.lines == [f"GET {target} HTTP/1.1".encode()]
    assert gateway.ask(target + "x" * 500).status == 414
