"""Where an answer's body ends, and whether its connection may be used again."""

import pytest

from api_gateway.upstreams.framing import BadFraming, Kind, judge

LENGTH, CODING, CONNECTION = b"Content-Length", b"Transfer-Encoding", b"Connection"


@pytest.mark.parametrize(
    ("version", "values", "keep"),
    [
        ("1.1", [], True),
        ("1.1", [b"keep-alive"], True),
        ("1.1", [b"Close"], False),
        ("1.1", [b"x-mine, close"], False),
        ("1.1", [b"close", b"keep-alive"], False),
        ("1.1", [b"keep-alive", b"close"], False),
        ("1.0", [], False),
        ("1.0", [b"Keep-Alive"], True),
        ("1.0", [b"keep-alive, close"], False),
    ],
)
def test_connection_is_kept_unless_somebody_says_close(
    version: str, values: list[bytes], keep: bool
) -> None:
    lines = [(LENGTH, b"3"), *((CONNECTION, value) for value in values)]
    assert judge("GET", 200, version, lines) == (Kind.LENGTH, 3, keep)


def test_connection_ends_with_a_body_that_has_no_other_end() -> None:
    assert judge("GET", 200, "1.1", []) == (Kind.EOF, 0, False)


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_bodiless_answers_have_none_whatever_they_announce(method: str, status: int) -> None:
    assert judge(method, status, "1.1", [(LENGTH, b"99")]) == (Kind.LENGTH, 0, True)
    assert judge(method, status, "1.1", [(CODING, b"chunked")]) == (Kind.LENGTH, 0, True)


def test_chunked_may_be_written_in_any_case() -> None:
    assert judge("GET", 200, "1.1", [(b"transfer-ENCODING", b"Chunked")])[0] is Kind.CHUNKED


@pytest.mark.parametrize(
    ("version", "lines"),
    [
        ("1.1", [(LENGTH, b"5"), (LENGTH, b"5")]),
        ("1.1", [(LENGTH, b"5, 5")]),
        ("1.1", [(LENGTH, b"+5")]),
        ("1.1", [(LENGTH, b"1" * 16)]),
        ("1.1", [(LENGTH, b"")]),
        ("1.1", [(LENGTH, b"5"), (CODING, b"chunked")]),
        ("1.1", [(CODING, b"chunked"), (CODING, b"chunked")]),
        ("1.1", [(CODING, b"gzip, chunked")]),
        ("1.1", [(CODING, b"identity")]),
        ("1.0", [(CODING, b"chunked")]),
        ("2.0", []),
        ("0.9", []),
    ],
)
def test_end_that_is_in_doubt_is_refused(version: str, lines: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(BadFraming):
        judge("GET", 200, version, lines)
