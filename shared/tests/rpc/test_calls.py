"""Calls to a service that runs: results, errors, refusals, on both brokers."""

import math
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chassis.exceptions import Conflict, ServiceError, TooManyRequests, Unprocessable
from chassis.request_id import set_request_id
from chassis.rpc.errors import (
    CallFailed,
    CallTimeout,
    NotJson,
    TooLarge,
    UnknownService,
    UnknownTask,
    VersionMismatch,
)
from chassis.rpc.remote import list_tasks, remote
from chassis.tracing import set_traceparent

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_call_returns_the_result(target: Any) -> None:
    add = target.task("add", timeout=5)
    assert add(2, 3) == 5
    assert add(value=2) == 3


def test_many_threads_get_their_own_answers(target: Any) -> None:
    add = target.task("add")
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(add, range(100))) == list(range(1, 101))


def test_any_worker_of_the_service_answers(target: Any) -> None:
    """Each has two threads; four calls are under way at the same time only where both take part."""
    stop = threading.Event()
    second = threading.Thread(target=target.receive, args=(stop,))
    second.start()
    pause = threading.Event()
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(target.task("wait", timeout=10), number) for number in range(4)]
        while len(target.seen) < 4 and not all(call.done() for call in calls):
            pause.wait(0.01)
        target.go_on.set()
        assert [call.result() for call in calls] == sorted(target.seen) == [0, 1, 2, 3]
    stop.set()
    second.join(20)
    assert not second.is_alive()


def test_ids_of_the_request_go_along(target: Any) -> None:
    set_request_id("request-0001")
    set_traceparent(TRACE)
    try:
        request_id, traceparent = target.task("ids")()
    finally:
        set_request_id(None)
        set_traceparent(None)
    assert request_id == "request-0001"
    assert traceparent.split("-")[1] == TRACE.split("-")[1]
    assert traceparent != TRACE


def test_errors_come_back_as_they_were_raised(target: Any) -> None:
    fail = target.task("fail")
    with pytest.raises(Unprocessable) as invalid:
        fail("fields")
    assert (invalid.value.status, invalid.value.code) == (422, "validation_failed")
    assert invalid.value.errors == [{"field": "value", "message": "Too large."}]
    with pytest.raises(Conflict) as conflict:
        fail("conflict")
    assert (conflict.value.message, conflict.value.code) == ("Already there", "orders.exists")
    with pytest.raises(TooManyRequests) as busy:
        fail("busy")
    assert busy.value.headers["Retry-After"] == "7"


def test_defect_of_a_task_is_told_without_its_text(target: Any) -> None:
    with pytest.raises(CallFailed) as caught:
        target.task("fail")("defect")
    assert (caught.value.status, caught.value.code) == (502, "rpc.failed")
    assert "secret" not in caught.value.message


def test_unknown_service_is_told_at_once(target: Any) -> None:
    began = time.monotonic()
    with pytest.raises(UnknownService) as caught:
        remote("nobody.add", link=target.link)(1)
    assert time.monotonic() - began < 2
    assert caught.value.code == "rpc.unknown_service"
    with pytest.raises(UnknownService):
        remote("nobody.add", link=target.link).send(1)
    assert target.task("add")(1) == 2


@pytest.mark.parametrize("name", ["nothing", "internal"])
def test_task_that_is_missing_or_not_for_others_is_unknown(target: Any, name: str) -> None:
    with pytest.raises(UnknownTask) as caught:
        target.task(name)()
    assert caught.value.code == "rpc.unknown_task"


@pytest.mark.parametrize(
    ("args", "kwargs"), [((), {}), ((1, 2, 3), {}), ((1,), {"another": 2}), ((1,), {"value": 1})]
)
def test_other_arguments_are_a_mismatch(
    target: Any, args: tuple[int, ...], kwargs: dict[str, int]
) -> None:
    with pytest.raises(VersionMismatch) as caught:
        target.task("add")(*args, **kwargs)
    assert caught.value.code == "rpc.version_mismatch"
    assert "add(value: int, other: int = 1)" in caught.value.message


def test_contract_of_another_version_is_a_mismatch(target: Any) -> None:
    assert target.task("newer", contract=3)() == 3
    with pytest.raises(VersionMismatch, match="has contract 3, the caller wants 2"):
        target.task("newer", contract=2)()


@pytest.mark.parametrize("argument", [{1}, math.nan, object()], ids=["set", "nan", "object"])
def test_arguments_that_are_no_json_are_not_sent(target: Any, argument: Any) -> None:
    for send in (target.task("note"), target.task("note").send):
        with pytest.raises(NotJson):
            send(argument)
    assert target.seen == []


def test_arguments_that_are_too_large_are_not_sent(target: Any) -> None:
    with pytest.raises(TooLarge, match="bytes"):
        target.task("note")("x" * 300_000)
    assert target.seen == []


@pytest.mark.parametrize(
    ("kind", "code"), [("set", "not_json"), ("nan", "not_json"), ("large", "too_large")]
)
def test_result_that_cannot_travel_is_an_error(target: Any, kind: str, code: str) -> None:
    with pytest.raises(ServiceError) as caught:
        target.task("give")(kind)
    assert caught.value.code == f"rpc.{code}"


def test_caller_waits_no_longer_than_it_wants_to(target: Any) -> None:
    began = time.monotonic()
    with pytest.raises(CallTimeout) as caught:
        target.task("wait", timeout=0.3)("slow")
    assert 0.3 <= time.monotonic() - began < 1.5
    assert (caught.value.status, caught.value.code) == (504, "rpc.timeout")
    target.go_on.set()
    assert target.task("add")(1) == 2


def test_call_that_expired_while_it_waited_is_not_run(target: Any) -> None:
    """Both threads are busy, so that a third call waits until nobody wants it any more."""
    with ThreadPoolExecutor(2) as pool:
        busy = [pool.submit(target.task("wait", timeout=10), number) for number in ("a", "b")]
        began = threading.Event()
        while len(target.seen) < 2:
            began.wait(0.01)
        with pytest.raises(CallTimeout):
            target.task("note", timeout=0.3)("late")
        target.go_on.set()
        assert [one.result() for one in busy] == ["a", "b"]
    assert target.task("add")(1) == 2
    assert sorted(target.seen) == ["a", "b"]


def test_call_within_a_call_ends_with_its_caller(target: Any) -> None:
    with pytest.raises(CallTimeout):
        target.task("ask_back", timeout=0.5)(30)
    target.go_on.set()
    # The inner call gave up, although it was allowed half a minute.
    assert target.task("add")(1) == 2
    spent = [one for one in target.seen if isinstance(one, float)]
    assert all(seconds < 2 for seconds in spent)


def test_tasks_can_be_listed_with_their_signatures(target: Any) -> None:
    listed = {one.pop("name"): one for one in list_tasks(target.name, link=target.link)}
    assert listed[f"{target.name}.add"] == {
        "signature": "(value: int, other: int = 1) -> int",
        "description": "Add two numbers.",
        "contract": 1,
        "idempotent": False,
    }
    assert listed[f"{target.name}.newer"]["contract"] == 3
    assert f"{target.name}.internal" not in listed


@pytest.mark.parametrize("name", ["add", "", "Orders.add", "orders.", "orders..add", "a.b c"])
def test_name_is_service_and_task(name: str) -> None:
    with pytest.raises(ValueError, match=r"<service>\.<task>"):
        remote(name)


@pytest.mark.parametrize("timeout", [0, -1, 61])
def test_timeout_is_bounded(timeout: float) -> None:
    with pytest.raises(ValueError, match="at most 60"):
        remote("orders.add", timeout=timeout)
