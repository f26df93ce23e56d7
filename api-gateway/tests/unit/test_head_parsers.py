"""The pure Python parser of heads beside the C one: what one takes, the other takes the same."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api_gateway.server import head as compiled
from api_gateway.server import parser
from chassis.exceptions import ServiceError

pytest.importorskip("gunicorn_h1c", reason="there was no C compiler to make the C parser with")

EDGE = Path(__file__).parent.parent / "edge"
Read = Callable[[bytes, int, dict[str, Any]], Any]


def load(name: str, file: Path) -> ModuleType:
    """Return a module of its own, which nobody else imports."""
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec and spec.loader and compiled.__file__
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


with pytest.MonkeyPatch.context() as patch:
    patch.setitem(sys.modules, "gunicorn_h1c", None)
    pure = load("head_without_gunicorn_h1c", Path(str(compiled.__file__)))

SERVER_HEADS = load("corpus_of_server_heads", EDGE / "test_server_heads.py")
CORPUS: dict[str, bytes] = {
    **{name: case[0] for name, case in SERVER_HEADS.REFUSED.items()},
    **load("corpus_of_edge_rules", EDGE / "test_edge_rules.py").MALFORMED,
}
NEXT: bytes = SERVER_HEADS.SMUGGLED
WELL_FORMED = {
    "typical": b"GET /api/x?a=b%20c&d HTTP/1.1\r\nHost: h:1\r\nAccept: a/b;q=0.9, */*\r\n\r\n",
    "HTTP/1.0": b"GET / HTTP/1.0\r\n\r\n",
    "body": b"POST /x HTTP/1.1\r\nhost: h\r\ncontent-length: 12\r\nContent-Type: a/b\r\n\r\n{",
    "chunks": b"PUT / HTTP/1.1\r\nHOST: h\r\nTRANSFER-ENCODING: Chunked\r\n"
    b"Expect: 100-continue\r\n\r\n",
    "white space": b"GET / HTTP/1.1\r\nHost:\t h \t\r\nA:\r\nB: \t \r\nC:c\tc  c\r\n\r\n",
    "all token characters": b"M-SEARCH /x HTTP/1.1\r\nHost: h\r\n!#$%&'*+-.^_`|~0aZ: b\r\n\r\n",
    "all characters of a target": b"GET /"
    + bytes(c for c in range(0x21, 0x7F))
    + b" HTTP/1.1\r\nHost: h\r\n\r\n",
    "obs-text": b"GET / HTTP/1.1\r\nHost: h\r\nA: \x80\xff \"(),/:;<=>?@[]{}\r\n\r\n",
    "absolute": b"GET http://h/x?y HTTP/1.1\r\nHost: h\r\n\r\n",
    "asterisk": b"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
    "authority": b"CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n",
    "cookies": b"GET / HTTP/1.1\r\nHost: h\r\nCookie: a=b\r\nCookie: c\r\nA_b:\r\n\r\n",
    "line of 8190": b"GET /" + b"a" * 8176 + b" HTTP/1.1\r\nHost: h\r\n\r\n",
    "header of 8190": b"GET / HTTP/1.1\r\nHost: h\r\nA: " + b"b" * 8185 + b"\r\n\r\n",
    "100 lines": b"GET / HTTP/1.1\r\nHost: h\r\n" + b"A: b\r\n" * 99 + b"\r\n",
}  # fmt: skip


def outcome(read: Read, data: bytes, step: int = 1 << 20) -> Any:
    """Return what comes of bytes that arrive `step` at a time, as the worker reads them."""
    scanned = 0
    for size in range(step, len(data) + step, step):
        try:
            found = read(data[:size], scanned, {})
        except ServiceError as error:
            return type(error)
        if found is not None:
            request, consumed = found
            return {name: getattr(request, name) for name in request.__slots__}, consumed
        scanned = min(size, len(data))
    return None


def both(data: bytes, step: int = 1 << 20) -> tuple[Any, Any]:
    return outcome(compiled.read_head, data, step), outcome(pure.read_head, data, step)


def test_one_uses_the_c_parser_and_the_other_does_not() -> None:
    assert compiled.parse_request.__module__ != parser.__name__
    assert pure.parse_request is parser.parse_request


@pytest.mark.parametrize("step", [1 << 20, 7], ids=["at once", "in pieces"])
@pytest.mark.parametrize("case", CORPUS)
def test_refusals_are_of_one_class(case: str, step: int) -> None:
    expected, found = both(CORPUS[case] + NEXT, step)
    assert found == expected is not None


@pytest.mark.parametrize("step", [1 << 20, 7], ids=["at once", "in pieces"])
@pytest.mark.parametrize("case", WELL_FORMED)
def test_well_formed_heads_are_read_alike(case: str, step: int) -> None:
    expected, found = both(WELL_FORMED[case] + NEXT, step)
    assert isinstance(found, tuple) and found == expected


@pytest.mark.parametrize("case", WELL_FORMED)
def test_the_parsers_return_the_same(case: str) -> None:
    limits = (0, compiled.LINE_BYTES, compiled.FIELD_LINES, compiled.LINE_BYTES)
    data = WELL_FORMED[case]
    assert parser.parse_request(data, *limits) == compiled.parse_request(data, *limits)


@pytest.mark.parametrize("case", ["typical", "chunks", "white space", "absolute"])
def test_head_that_is_cut_anywhere_is_waited_for(case: str) -> None:
    data = WELL_FORMED[case].partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    for size in range(1, len(data)):
        assert pure.read_head(data[:size], 0, {}) is None, data[:size]


def test_bytes_that_can_become_no_request_are_refused_without_more() -> None:
    for data in (
        b"\x16\x03\x01",
        b"get",
        b"GET\t",
        b"GET  ",
        b"GET / FTP",
        b"\n",
        b"GET / HTTP/1.1\n",
    ):
        with pytest.raises(ServiceError):
            pure.read_head(data, 0, {})


ODD = [b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"\n\n", b" ", b"\t", b":", b" :", b"\0", b"\x0b",
       b"\x7f", b"\x80", b"\xff", b"(", b"#", b"%", b"/", b"*", b"://", b"_", b",", b"a", b"1",
       b"HTTP/1.2", b" HTTP/1.1", b"Content-Length: 5\r\n", b"Content_Length: 5\r\n", b"\r\n x",
       b"Transfer-Encoding: chunked\r\n", b", chunked", b"Host: i\r\n",
       b"\xef\xbb\xbf"]  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A head with up to three places where something is put in or taken out."""
    short = [data for data in [*WELL_FORMED.values(), *CORPUS.values()] if len(data) < 200]
    data = draw(st.sampled_from(short))
    for _ in range(draw(st.integers(1, 3))):
        at, out = draw(st.integers(0, len(data))), draw(st.integers(0, 3))
        data = data[:at] + draw(st.sampled_from([b"", *ODD])) + data[at + out :]
    return data


@settings(max_examples=400, derandomize=True, database=None, deadline=None)
@given(mutated(), st.sampled_from([1 << 20, 1, 16]))
def test_mutated_head_is_read_alike_or_refused_by_both(data: bytes, step: int) -> None:
    expected, found = both(data + NEXT, step)
    if isinstance(expected, tuple) or isinstance(found, tuple):
        assert found == expected
    else:
        assert found is not None


def test_time_grows_with_the_size_only() -> None:
    """A pattern that backtracks would need minutes for this."""
    blank = b" \t" * 15_000
    for value in (blank + b"\x01", blank + b"a" + blank + b"\x01", b"a " * 15_000 + b"\x01"):
        head = b"GET / HTTP/1.1\r\nHost: h\r\nA:%b\r\n\r\n" % value
        assert outcome(pure.read_head, head) is compiled.Malformed
    assert outcome(pure.read_head, b"GET " + b"/ HTTP/1." * 6000) is compiled.Malformed
    assert outcome(pure.read_head, b"GET " + b"/HTTP/1." * 6000) is compiled.TargetTooLong
