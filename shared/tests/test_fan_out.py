"""Several calls at once: each has a result or an error, and the caller's context."""

import threading
from collections.abc import Iterator

import pytest
from flask import Flask, g

from chassis.exceptions import GatewayTimeout, NotFound, ServiceError
from chassis.request_id import current_request_id, set_request_id
from chassis.service_client import fan_out


@pytest.fixture
def released() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_calls_run_at_the_same_time() -> None:
    barrier = threading.Barrier(3, timeout=5)
    results = fan_out(dict.fromkeys("abc", barrier.wait))
    assert sorted(results.values()) == [0, 1, 2]  # type: ignore[type-var]


def test_one_failure_leaves_the_others_their_results(caplog: pytest.LogCaptureFixture) -> None:
    def refuse() -> int:
        raise NotFound("No such product", code="products.not_found")

    def break_down() -> int:
        raise KeyError("a defect")

    results = fan_out({"good": lambda: 1, "refused": refuse, "broken": break_down})
    assert list(results) == ["good", "refused", "broken"]
    assert results["good"] == 1
    refused, broken = results["refused"], results["broken"]
    assert isinstance(refused, NotFound) and refused.code == "products.not_found"
    assert isinstance(broken, ServiceError) and broken.message == "broken could not be asked"
    assert [record.message for record in caplog.records] == ["fan-out call failed"]


def test_what_is_late_becomes_a_timeout(released: threading.Event) -> None:
    results = fan_out({"late": lambda: released.wait(20), "good": lambda: 1}, timeout=0.1)
    assert isinstance(results["late"], GatewayTimeout)
    assert results["good"] == 1


def test_each_call_has_the_callers_context(app: Flask) -> None:
    with app.app_context():
        g.caller = "alice"
        set_request_id("request-123")
        calls = {name: lambda: (g.caller, current_request_id()) for name in "ab"}
        results = fan_out(calls)
        set_request_id(None)
    assert results == dict.fromkeys("ab", ("alice", "request-123"))


def test_no_calls_give_no_results() -> None:
    assert fan_out({}) == {}
