"""The breaker's states, on a clock that the test moves."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from chassis.circuit_breaker import CircuitBreaker


class Clock:
    """Seconds that the test moves by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Clock:
    return Clock()


@pytest.fixture
def breaker(seconds: Clock) -> CircuitBreaker:
    return CircuitBreaker(threshold=3, reset_after=5.0, clock=seconds)


def fail(breaker: CircuitBreaker, times: int) -> None:
    for _ in range(times):
        assert breaker.allow()
        breaker.failed()


def test_failures_below_the_threshold_keep_it_closed(breaker: CircuitBreaker) -> None:
    fail(breaker, 2)
    assert breaker.allow() and not breaker.is_open and breaker.retry_after() == 0.0


def test_a_success_forgets_earlier_failures(breaker: CircuitBreaker) -> None:
    fail(breaker, 2)
    breaker.succeeded()
    fail(breaker, 2)
    assert breaker.allow()


def test_the_threshold_opens_it_for_the_reset_time(breaker: CircuitBreaker, seconds: Clock) -> None:
    fail(breaker, 3)
    assert breaker.is_open and not breaker.allow()
    seconds.now += 4.0
    assert not breaker.allow() and breaker.retry_after() == 1.0
    seconds.now += 1.0
    assert breaker.allow()


def test_half_open_lets_one_call_through_and_its_success_closes(
    breaker: CircuitBreaker, seconds: Clock
) -> None:
    fail(breaker, 3)
    seconds.now += 5.0
    assert breaker.allow() and not breaker.allow()
    breaker.succeeded()
    assert breaker.allow() and breaker.allow()


def test_half_open_failure_opens_it_again(breaker: CircuitBreaker, seconds: Clock) -> None:
    fail(breaker, 3)
    seconds.now += 5.0
    assert breaker.allow()
    seconds.now += 2.0
    breaker.failed()
    assert breaker.retry_after() == 5.0 and not breaker.allow()


def test_a_probe_that_never_reports_does_not_block_the_next(
    breaker: CircuitBreaker, seconds: Clock
) -> None:
    fail(breaker, 3)
    seconds.now += 5.0
    assert breaker.allow()
    seconds.now += 5.0
    assert breaker.allow()


def test_of_many_threads_exactly_one_is_the_probe(breaker: CircuitBreaker, seconds: Clock) -> None:
    fail(breaker, 3)
    seconds.now += 5.0
    with ThreadPoolExecutor(8) as pool:
        allowed = list(pool.map(lambda _: breaker.allow(), range(64)))
    assert allowed.count(True) == 1
