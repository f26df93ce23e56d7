"""Which request heads the server takes, byte by byte; each refusal ends the connection."""

import json
from typing import Any

import pytest

GET = b"GET /api/echo/x HTTP/1.1\r\nHost: h\r\n"
POST = b"POST /api/echo/x HTTP/1.1\r\nHost: h\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n"
LAST = b"0\r\n\r\n"
SMUGGLED = b"GET /api/echo/smuggled HTTP/1.1\r\nHost: h\r\n\r\n"


@pytest.fixture(scope="module", params=["C", "Python"])
def gateway(request: pytest.FixtureRequest, gateway: Any) -> Any:
    """A gateway with each of the two parsers (ADR 24)."""
    return gateway if request.param == "C" else request.getfixturevalue("gateway_without_c")


def line(head: bytes) -> bytes:
    return head + b"\r\nHost: h\r\n\r\n"


REFUSED: dict[str, tuple[bytes, int, str]] = {
    name: (head, 400, "gateway.malformed_request")
    for name, head in {
        "empty line first": b"\r\n" + GET + b"\r\n",
        "two empty lines first": b"\r\n\r\n" + GET + b"\r\n",
        "line feed first": b"\n" + GET + b"\r\n",
        "bare line feed after the request line": b"GET /api/echo/x HTTP/1.1\nHost: h\r\n\r\n",
        "bare line feed between headers": GET + b"A: b\nC: d\r\n\r\n",
        "bare line feed at the end": GET + b"A: b\r\n\n",
        "folded first header": b"GET /api/echo/x HTTP/1.1\r\n A: b\r\nHost: h\r\n\r\n",
        "folded with a tab": GET + b"A: b\r\n\tc\r\n\r\n",
        "tab before the colon": GET + b"A\t: b\r\n\r\n",
        "no colon": GET + b"Abc\r\n\r\n",
        "empty name": GET + b": b\r\n\r\n",
        "name that is no token": GET + b"A(b): c\r\n\r\n",
        "name above ASCII": GET + b"\xc3\x9f: c\r\n\r\n",
        "carriage return in a value": GET + b"A: b\rc\r\n\r\n",
        "control in a value": GET + b"A: b\x01c\r\n\r\n",
        "DEL in a value": GET + b"A: b\x7f\r\n\r\n",
        "length twice, different": POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "length empty": POST + b"Content-Length:\r\n\r\n",
        "length negative": POST + b"Content-Length: -1\r\n\r\n",
        "length hexadecimal": POST + b"Content-Length: 0x5\r\n\r\nhello",
        "length too long": POST + b"Content-Length: 9999999999999999\r\n\r\n",
        "content type twice": POST + b"Content-Type: a/b\r\nContent-Type: c/d\r\n\r\n",
        "coding empty": POST + b"Transfer-Encoding:\r\n\r\n" + LAST,
        "coding empty with a length": POST
        + b"Transfer-Encoding:\r\nContent-Length: 5\r\n\r\nhello",
        "coding in two lines": CHUNKED + b"Transfer-Encoding: chunked\r\n\r\n" + LAST,
        "coding behind a control": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + LAST,
        "HTTP/0.9": b"GET /api/echo/x\r\n\r\n",
        "lower-case version": line(b"GET /api/echo/x http/1.1"),
        "version with three digits": line(b"GET /api/echo/x HTTP/1.10"),
        "space after the version": line(b"GET /api/echo/x HTTP/1.1 "),
        "two spaces before the target": line(b"GET  /api/echo/x HTTP/1.1"),
        "two spaces after the target": line(b"GET /api/echo/x  HTTP/1.1"),
        "tab for a space": line(b"GET\t/api/echo/x HTTP/1.1"),
        "carriage return in the target": line(b"GET /api/echo/\rx HTTP/1.1"),
        "byte above ASCII in the query": line(b"GET /api/echo/x?\xff HTTP/1.1"),
        "lower-case method": line(b"get /api/echo/x HTTP/1.1"),
        "method that is no token": line(b"G(T /api/echo/x HTTP/1.1"),
        "relative target": line(b"GET api/echo/x HTTP/1.1"),
        "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    }.items()
}
REFUSED |= {
    "no Host": (b"GET /api/echo/x HTTP/1.1\r\n\r\n", 400, "gateway.bad_host"),
    "no Host for an own page": (b"GET /health/live HTTP/1.1\r\n\r\n", 400, "gateway.bad_host"),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "gateway.unknown_version"),
    "HTTP/1.2": (line(b"GET /api/echo/x HTTP/1.2"), 505, "gateway.unknown_version"),
    "coding before chunked": (
        POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + LAST,
        501,
        "gateway.unknown_transfer_coding",
    ),
    "coding that nobody knows": (
        POST + b"Transfer-Encoding: xchunked\r\n\r\n" + LAST,
        501,
        "gateway.unknown_transfer_coding",
    ),
    "long request line": (
        line(b"GET /" + b"a" * 8180 + b" HTTP/1.1"),
        414,
        "gateway.target_too_long",
    ),
    "line without end": (b"GET /" + b"a" * 9000, 414, "gateway.target_too_long"),
    "101 lines": (GET + b"A: b\r\n" * 100 + b"\r\n", 431, "gateway.headers_too_large"),
    "1000 lines": (GET + b"A: b\r\n" * 1000 + b"\r\n", 431, "gateway.headers_too_large"),
    "large head": (GET + (b"A: " + b"b" * 8000 + b"\r\n") * 20, 431, "gateway.headers_too_large"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_head_with_two_readings_is_refused(gateway: Any, recorder: Any, case: str) -> None:
    head, status, code = REFUSED[case]
    with gateway.wire() as wire:
        # What follows would be a request of its own to a server that reads the head otherwise.
        wire.send(head + SMUGGLED)
        seen = wire.rest()
    assert seen.startswith(f"HTTP/1.1 {status} ".encode()), seen
    head_seen, _, body = seen.partition(b"\r\n\r\n")
    fields = dict(line.split(b": ", 1) for line in head_seen.split(b"\r\n")[1:])
    document = json.loads(body)
    assert (document["success"], document["code"]) == (False, code)
    assert (fields[b"Connection"], fields[b"Content-Type"]) == (b"close", b"application/json")
    assert fields[b"X-Request-ID"].decode() == document["request_id"]
    assert recorder.heads == []


CHUNKS: dict[str, bytes] = {
    "extension": b"5;a=b\r\nhello\r\n",
    "extension without a value": b"5;\r\nhello\r\n",
    "prefix": b"0x5\r\nhello\r\n",
    "underscore": b"1_0\r\n0123456789abcdef\r\n",
    "space": b"5 \r\nhello\r\n",
    "space first": b" 5\r\nhello\r\n",
    "minus": b"-5\r\nhello\r\n",
    "no size": b"\r\nhello\r\n",
    "no number": b"G\r\nhello\r\n",
    "too many digits": b"0000000000000005\r\nhello\r\n",
    "size without end": b"5" * 40,
    "carriage return only": b"5\rhello\r\n",
    "no end of the data": b"5\r\nhello0\r\n\r\n",
    "line feed after the data": b"5\r\nhello\n0\r\n\r\n",
    "trailer with a bare line feed": b"5\r\nhello\r\n0\r\nA: b\n\r\n",
    "trailer that is folded": b"5\r\nhello\r\n0\r\nA: b\r\n c\r\n\r\n",
    "trailer without a colon": b"5\r\nhello\r\n0\r\nAb\r\n\r\n",
    "trailers without end": b"5\r\nhello\r\n0\r\n" + b"A: b\r\n" * 2000,
}


@pytest.mark.parametrize("case", CHUNKS)
def test_chunk_with_two_readings_is_400_and_ends_the_connection(
    gateway: Any, recorder: Any, case: str
) -> None:
    with gateway.wire() as wire:
        wire.send(CHUNKED + b"\r\n" + CHUNKS[case] + LAST + SMUGGLED)
        seen = wire.rest()
    assert seen.startswith(b"HTTP/1.1 400 ") and b'"code":"gateway.bad_body"' in seen
    assert seen.count(b"HTTP/1.1 ") == 1
    assert not any(b"smuggled" in head for head in recorder.heads)
    assert recorder.bodies == []


def test_chunks_of_all_sizes_arrive_as_one_body(gateway: Any, recorder: Any) -> None:
    sizes = [1, 2, 15, 16, 17, 255, 4096, 1, 70_000, 3, 65_536, 1]
    body = b"".join(bytes([65 + i]) * size for i, size in enumerate(sizes))
    framed, at = b"", 0
    for size in sizes:
        framed += b"%X\r\n%b\r\n" % (size, body[at : at + size])
        at += size
    with gateway.wire() as wire:
        wire.send(CHUNKED + b"\r\n" + framed + b"00\r\nX-Late: no\r\n\r\n" + GET + b"\r\n")
        assert (wire.reply("POST").status, wire.reply().status) == (200, 200)
    assert recorder.bodies == [body, b""]
    assert "x-late" not in dict(recorder.fields(0)) | dict(recorder.fields(1))


def test_request_may_come_in_single_bytes(gateway: Any, recorder: Any) -> None:
    with gateway.wire() as wire:
        for byte in CHUNKED + b"\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nA: b\r\n\r\n":
            wire.send(bytes([byte]))
        assert wire.reply("POST").status == 200
    assert recorder.bodies == [b"abcde"]


def test_request_line_of_8000_octets_passes(gateway: Any, recorder: Any) -> None:
    target = "/api/echo/" + "a" * (8190 - len("GET /api/echo/ HTTP/1.1"))
    assert gateway.ask(target).status == 200
    assert recorder.lines == [f"GET {target} HTTP/1.1".encode()]


def test_head_of_100_lines_and_a_line_of_8190_bytes_pass(gateway: Any, recorder: Any) -> None:
    long = b"A: " + b"b" * (8190 - len("A: \r\n")) + b"\r\n"
    with gateway.wire() as wire:
        wire.send(GET + long + b"C: d\r\n" * 98 + b"\r\n")
        assert wire.reply().status == 200
    assert len([name for name, _ in recorder.fields() if name == "c"]) == 98


@pytest.mark.parametrize(
    ("connection", "version", "stays"),
    [(None, "1.1", True), ("close", "1.1", False), ("Close", "1.1", False), ("x, close", "1.1", 0),
     ("keep-alive", "1.1", True), (None, "1.0", False), ("Keep-Alive", "1.0", True)],
)  # fmt: skip
def test_connection_stays_as_the_client_asks(
    gateway: Any, recorder: Any, connection: str | None, version: str, stays: bool
) -> None:
    field = f"Connection: {connection}\r\n" if connection else ""
    request = f"GET /api/echo/x HTTP/{version}\r\nHost: h\r\n{field}\r\n".encode()
    with gateway.wire() as wire:
        wire.send(request)
        first = dict(wire.reply().headers)
        if stays:
            wire.send(request)
            assert wire.reply().status == 200
        else:
            assert (first["connection"], wire.rest()) == ("close", b"")


def test_expectation_of_http_1_0_is_ignored(gateway: Any, recorder: Any) -> None:
    with gateway.wire() as wire:
        fields = b"Host: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello"
        wire.send(b"POST /api/echo/x HTTP/1.0\r\n" + fields)
        assert wire.rest().startswith(b"HTTP/1.1 200 ")
    assert recorder.bodies == [b"hello"]


def test_refusal_before_100_continue_ends_the_connection(gateway: Any, recorder: Any) -> None:
    with gateway.wire() as wire:
        fields = b"Host: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
        wire.send(b"POST /api/users/me HTTP/1.1\r\n" + fields)
        seen = wire.rest()
    assert seen.startswith(b"HTTP/1.1 401 ") and b"Connection: close\r\n" in seen
    assert b"100 Continue" not in seen


def test_small_body_that_nobody_reads_leaves_the_connection_usable(
    gateway: Any, recorder: Any
) -> None:
    with gateway.wire() as wire:
        wire.send(b"POST /api/users/me HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe")
        assert wire.reply("POST").status == 401
        wire.send(b"llo" + GET + b"\r\n")
        assert wire.reply().status == 200


def test_refusal_is_readable_while_a_malformed_request_still_comes(gateway: Any) -> None:
    with gateway.wire() as wire:
        wire.send(b"POST /api/echo/x HTTP/9.9\r\nHost: h\r\nContent-Length: 4000000\r\n\r\n")
        for _ in range(4):
            wire.send(b"x" * 1_000_000)
        assert wire.reply("POST").status == 505


def test_hundred_pipelined_requests_are_answered_in_order(gateway: Any, recorder: Any) -> None:
    recorder.handler = lambda _recorder, peer, head: (
        not peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n%b" % head[14:17])
    )
    requests = b"".join(
        b"GET /api/echo/%03d HTTP/1.1\r\nHost: h\r\n\r\n" % number for number in range(100, 200)
    )
    with gateway.wire() as wire:
        wire.send(requests + GET + b"Connection: close\r\n\r\n")
        answers = wire.rest()
    bodies = [part[:3] for part in answers.split(b"\r\n\r\n")[1:101]]
    assert bodies == [b"%d" % number for number in range(100, 200)]
