"""Upstream answers: bodiless ones, badly framed ones, broken ones."""

import http.client
import json
from typing import Any

import pytest

CHUNKED = b"Transfer-Encoding: chunked\r\n"
BAD = {
    "length not a number": b"HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\nhello",
    "length with sign": b"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello",
    "length twice": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "length list": b"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello",
    "length empty": b"HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\nhello",
    "length huge": b"HTTP/1.1 200 OK\r\nContent-Length: 1" + b"0" * 15 + b"\r\n\r\nhello",
    "length before coding": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
    + CHUNKED
    + b"\r\n0\r\n\r\n",
    "coding before length": b"HTTP/1.1 200 OK\r\n"
    + CHUNKED
    + b"Content-Length: 5\r\n\r\n0\r\n\r\n",
    "unknown coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello",
    "identity coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nhello",
    "coding twice": b"HTTP/1.1 200 OK\r\n" + CHUNKED * 2 + b"\r\n0\r\n\r\n",
    "coding list": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "coding in 1.0": b"HTTP/1.0 200 OK\r\n" + CHUNKED + b"\r\n0\r\n\r\n",
    "folded header": b"HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 0\r\n\r\n",
    "space before colon": b"HTTP/1.1 200 OK\r\nX-A : b\r\nContent-Length: 0\r\n\r\n",
    "header without colon": b"HTTP/1.1 200 OK\r\nX-A\r\nContent-Length: 0\r\n\r\n",
    "bare line feeds": b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "bare carriage return": b"HTTP/1.1 200 OK\r\nX-A: b\rc\r\nContent-Length: 0\r\n\r\n",
    "NUL in a header": b"HTTP/1.1 200 OK\r\nX-A: b\0c\r\nContent-Length: 0\r\n\r\n",
    "not HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "HTTP/2": b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "status of two digits": b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
    "switching protocols": b"HTTP/1.1 101 Switch\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "endless 1xx": b"HTTP/1.1 103 Early\r\n\r\n" * 9
    + b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "chunk size with sign": b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"\r\n+5\r\nhello\r\n0\r\n\r\n",
    "chunk longer than said": b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"\r\n5\r\nhelloX\r\n0\r\n\r\n",
    "end within the head": b"HTTP/1.1 200 OK\r\nContent-Le",
    "head too large": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
    "too many headers": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000 + b"\r\n",
}
CUT = {
    "length short": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello",
    "no last chunk": b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"\r\n5\r\nhello\r\n",
    "within a chunk": b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"\r\n5\r\nhello\r\nff\r\nhel",
}  # fmt: skip


def once(data: bytes) -> Any:
    """Answer with `data`, then close."""

    def handler(_recorder: Any, sock: Any, _head: bytes) -> bool:
        sock.sendall(data)
        return False

    return handler


@pytest.mark.parametrize("case", BAD)
def test_badly_framed_answer_is_502(gateway: Any, recorder: Any, case: str) -> None:
    recorder.handler = once(BAD[case])
    reply = gateway.ask("/api/echo/x")
    body = json.loads(reply.body)
    assert (reply.status, body["code"]) == (502, "gateway.bad_upstream_answer")
    assert (body["success"], body["request_id"]) == (False, reply.header("x-request-id"))
    assert (len(recorder.heads), b"Framing" in reply.body) == (1, False)


@pytest.mark.parametrize("case", CUT)
def test_cut_off_answer_is_cut_off_for_the_client(gateway: Any, recorder: Any, case: str) -> None:
    recorder.handler = once(CUT[case])
    with gateway.wire() as wire:
        wire.send(b"GET /api/echo/x HTTP/1.1\r\nHost: h\r\n\r\n")
        with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
            wire.reply()
    with gateway.wire() as wire:
        wire.send(b"GET /api/echo/x HTTP/1.1\r\nHost: h\r\n\r\n")
        seen = wire.rest()
    assert seen.startswith(b"HTTP/1.1 200 OK") and not seen.endswith(b"0\r\n\r\n")


def test_informational_answers_are_skipped(gateway: Any, recorder: Any) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    final = b"HTTP/1.1 201 Made\r\nContent-Length: 2\r\nX-A: b\r\n\r\nok"
    recorder.answer = early + b"HTTP/1.1 100 Continue\r\n\r\n" + early + final
    reply = gateway.ask("/api/echo/x")
    assert (reply.status, reply.body, reply.header("x-a")) == (201, b"ok", "b")
    assert "link" not in dict(reply.headers)


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_bodiless_status_has_no_body(gateway: Any, recorder: Any, status: str) -> None:
    recorder.answer = f"HTTP/1.1 {status}\r\nETag: x\r\n\r\n".encode()
    with gateway.wire() as wire:
        request = b"GET /api/echo/x HTTP/1.1\r\nHost: h\r\n\r\n"
        wire.send(
            request + request.replace(b"/x", b"/y").replace(b"Host", b"Connection: close\r\nHost")
        )
        seen = wire.rest()
    assert seen.count(f"HTTP/1.1 {status}".encode()) == 2
    assert b"content-length" not in seen.lower() and b"transfer-encoding" not in seen.lower()


def test_head_keeps_the_length_and_has_no_body(gateway: Any, recorder: Any) -> None:
    recorder.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n"
    with gateway.wire() as wire:
        wire.send(b"HEAD /api/echo/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        head, _, body = wire.rest().partition(b"\r\n\r\n")
    assert (b"Content-Length: 1234" in head, body) == (True, b"")
    assert recorder.lines == [b"HEAD /api/echo/x HTTP/1.1"]


def test_connection_is_used_again(gateway: Any, recorder: Any) -> None:
    for _ in range(3):
        assert gateway.ask("/api/echo/x").status == 200
    assert (len(recorder.heads), recorder.connections <= 1) == (3, True)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokEXTRA",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
        b"HTTP/1.1 204 No Content\r\n\r\nEXTRA",
        b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"\r\n2\r\nok\r\n0\r\n\r\nEXTRA",
    ],
)  # fmt: skip
def test_bytes_after_an_answer_reach_nobody(gateway: Any, recorder: Any, answer: bytes) -> None:
    recorder.answer = answer
    first = gateway.ask("/api/echo/x")
    before = recorder.connections
    recorder.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfresh"
    second = gateway.ask("/api/echo/y")
    assert first.body in (b"ok", b"")
    assert (second.status, second.body) == (200, b"fresh")
    assert recorder.connections == before + 1


def test_body_up_to_the_end_of_the_connection_is_passed_whole(gateway: Any, recorder: Any) -> None:
    recorder.handler = once(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100_000)
    assert gateway.ask("/api/echo/x").body == b"x" * 100_000


def test_client_of_1_0_gets_a_body_without_chunks(gateway: Any, recorder: Any) -> None:
    recorder.answer = b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"\r\n5\r\nhello\r\n0\r\n\r\n"
    with gateway.wire() as wire:
        wire.send(b"GET /api/echo/x HTTP/1.0\r\nHost: h\r\n\r\n")
        head, _, body = wire.rest().partition(b"\r\n\r\n")
    assert (body, b"transfer-encoding" in head.lower()) == (b"hello", False)


def test_trailers_do_not_become_headers(gateway: Any, recorder: Any) -> None:
    recorder.answer = b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"\r\n2\r\nok\r\n0\r\nX-Late: 1\r\n\r\n"
    reply = gateway.ask("/api/echo/x")
    assert (reply.body, "x-late" in dict(reply.headers)) == (b"ok", False)


@pytest.mark.parametrize("status", [400, 401, 404, 409, 422, 429, 500, 503, 504])
def test_errors_of_a_service_pass_untouched(gateway: Any, recorder: Any, status: int) -> None:
    recorder.answer = (
        f"HTTP/1.1 {status} Own\r\nContent-Length: 4\r\nRetry-After: 7\r\n\r\nmine".encode()
    )
    reply = gateway.ask("/api/echo/x")
    assert (reply.status, reply.body, reply.header("retry-after")) == (status, b"mine", "7")
