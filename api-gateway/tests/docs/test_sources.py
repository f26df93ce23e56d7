"""Documents are asked for once, remembered, and asked for again with their ETag."""

import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import gevent
import pytest

from api_gateway.docs import sources
from api_gateway.docs.sources import LATE, Sources
from api_gateway.errors import UpstreamUnreachable


class Answer:
    """A service's answer, read from memory."""

    def __init__(self, status: int, body: bytes = b"") -> None:
        self.status, self.lines = status, [(b"ETag", b'"v1"')]
        self._blocks = iter([body])
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        return self._blocks

    def close(self) -> None:
        self.closed = True


class Service:
    """Stands where the upstream of a service does."""

    route = SimpleNamespace(prefix="/api/orders")

    def __init__(self, *answers: Any) -> None:
        self._answers = list(answers)
        self.requests: list[Any] = []

    def ask(self, request: Any, **_: Any) -> Any:
        self.requests.append(request)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer() if callable(answer) else answer


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that was read is good for more than this moment."""
    monkeypatch.setattr(sources, "_KEPT_SECONDS", 0.0)
    monkeypatch.setattr(sources, "_KEPT_WITHOUT_SECONDS", 0.0)


def test_a_document_is_asked_for_once_in_a_while() -> None:
    service = Service(Answer(200, b'{"a": 1}'))
    read = Sources({"orders": service})  # type: ignore[dict-item]

    assert [read.read()["orders"].document for _ in range(3)] == [{"a": 1}] * 3
    assert [request.target for request in service.requests] == ["/api/orders/openapi.json"]


def test_an_old_document_is_only_asked_whether_it_changed(forgetful: None) -> None:
    service = Service(Answer(200, b'{"a": 1}'), Answer(304), Answer(200, b'{"a": 2}'))
    read = Sources({"orders": service})  # type: ignore[dict-item]

    assert [read.read()["orders"].document for _ in range(3)] == [{"a": 1}, {"a": 1}, {"a": 2}]
    conditions = ['If-None-Match: "v1"\r\n' in request.fields for request in service.requests]
    assert conditions == [False, True, True]


def test_a_service_that_comes_back_is_there_again(forgetful: None) -> None:
    service = Service(UpstreamUnreachable("It is down"), Answer(500), Answer(200, b"{}"))
    read = Sources({"orders": service})  # type: ignore[dict-item]

    found = [read.read()["orders"] for _ in range(3)]

    assert [one.reason for one in found] == ["It is down", "its document was answered with 500", ""]
    assert found[2].document == {}


def test_requests_at_the_same_time_share_one_question() -> None:
    service = Service(lambda: (gevent.sleep(0.05), Answer(200, b"{}"))[1])
    read = Sources({"orders": service})  # type: ignore[dict-item]

    asked = [gevent.spawn(read.read) for _ in range(5)]
    gevent.joinall(asked)

    assert [one.value["orders"].document for one in asked] == [{}] * 5
    assert len(service.requests) == 1


def test_a_document_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_MOST_BYTES", 10)
    answer = Answer(200, b"x" * 11)
    read = Sources({"orders": Service(answer)})  # type: ignore[dict-item]

    assert read.read()["orders"].reason == "its document is too large"
    assert answer.closed


def test_who_hangs_is_waited_for_only_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "WAIT_SECONDS", 0.05)
    read = Sources({"orders": Service(lambda: gevent.sleep(5))})  # type: ignore[dict-item]

    started = time.monotonic()
    found = read.read()["orders"]

    assert (found.document, found.reason) == (None, LATE)
    assert time.monotonic() - started < 2
