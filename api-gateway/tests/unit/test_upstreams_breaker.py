"""When an instance is ejected, and how it comes back, second by second."""

from typing import Any

import pytest

from api_gateway.upstreams.breaker import Breaker, Fault, State


def breaker_at(clock: Any, draw: float = 0.5) -> Breaker:
    return Breaker(clock, lambda: draw)


def fail(breaker: Breaker, times: int, fault: Fault = Fault.TIMEOUT) -> list[bool]:
    return [breaker.failed(breaker.epoch, fault) for _ in range(times)]


def test_fifth_failure_in_a_row_opens(clock: Any) -> None:
    breaker = breaker_at(clock)
    assert fail(breaker, 4) == [False] * 4
    assert (breaker.state, breaker.calm, breaker.share()) == (State.CLOSED, False, 1.0)
    assert fail(breaker, 1) == [True]
    assert (breaker.state, breaker.share(), breaker.ejections) == (State.OPEN, 0.0, 1)


def test_success_begins_the_count_anew(clock: Any) -> None:
    breaker = breaker_at(clock)
    fail(breaker, 4)
    breaker.passed(breaker.epoch)
    assert breaker.calm
    assert fail(breaker, 4) == [False] * 4


def test_failures_that_lie_apart_do_not_add_up(clock: Any) -> None:
    breaker = breaker_at(clock)
    for _ in range(20):
        assert fail(breaker, 1) == [False]
        clock.advance(2.6)
    assert breaker.state is State.CLOSED


def test_open_time_doubles_up_to_five_minutes(clock: Any) -> None:
    breaker, times = breaker_at(clock), []
    fail(breaker, 5)
    for _ in range(8):
        times.append(breaker.opens_in())
        clock.advance(breaker.opens_in())
        assert breaker.state is State.HALF_OPEN
        assert fail(breaker, 1) == [True]
    assert times == [10, 20, 40, 80, 160, 300, 300, 300]


@pytest.mark.parametrize(("draw", "seconds"), [(0.0, 9.0), (1.0, 11.0)])
def test_open_time_differs_by_a_tenth(clock: Any, draw: float, seconds: float) -> None:
    breaker = breaker_at(clock, draw)
    fail(breaker, 5)
    assert breaker.opens_in() == pytest.approx(seconds)


def test_share_grows_from_a_tenth_to_all_within_ten_seconds(clock: Any) -> None:
    breaker = breaker_at(clock)
    fail(breaker, 5)
    clock.advance(10)
    shares = []
    for _ in range(6):
        shares.append(round(breaker.share(), 2))
        clock.advance(2)
    assert shares == [0.1, 0.28, 0.46, 0.64, 0.82, 1.0]


def test_successes_through_the_whole_ramp_close_it(clock: Any) -> None:
    breaker = breaker_at(clock)
    fail(breaker, 5)
    clock.advance(10)
    for _ in range(10):
        assert breaker.state is State.HALF_OPEN
        breaker.passed(breaker.epoch)
        clock.advance(1)
    breaker.passed(breaker.epoch)
    assert (breaker.state, breaker.calm) == (State.CLOSED, True)


def test_half_open_forgives_a_single_failure_once_something_worked(clock: Any) -> None:
    breaker = breaker_at(clock)
    fail(breaker, 5)
    clock.advance(10)
    breaker.passed(breaker.epoch)
    assert fail(breaker, 2) == [False, False]
    breaker.passed(breaker.epoch)
    assert fail(breaker, 3) == [False, False, True]


def test_half_open_without_traffic_closes_with_the_first_success_that_comes(clock: Any) -> None:
    breaker = breaker_at(clock)
    fail(breaker, 5)
    clock.advance(10_000)
    assert breaker.state is State.HALF_OPEN
    clock.advance(10_000)
    assert breaker.share() == 1.0
    breaker.passed(breaker.epoch)
    assert breaker.state is State.CLOSED


def test_results_of_requests_from_before_a_change_do_not_count(clock: Any) -> None:
    breaker = breaker_at(clock)
    before = breaker.epoch
    fail(breaker, 5)
    breaker.passed(before)
    assert breaker.state is State.OPEN
    clock.advance(10)
    breaker.passed(breaker.epoch)
    assert [breaker.failed(before, Fault.TIMEOUT) for _ in range(9)] == [False] * 9
    assert breaker.state is State.HALF_OPEN


def test_success_while_open_begins_the_ramp(clock: Any) -> None:
    breaker = breaker_at(clock)
    fail(breaker, 5)
    assert fail(breaker, 3) == [False] * 3
    breaker.passed(breaker.epoch)
    assert (breaker.state, breaker.share()) == (State.HALF_OPEN, 0.1)


def test_long_time_closed_makes_a_fresh_start(clock: Any) -> None:
    breaker = breaker_at(clock)
    for pause in (0.0, 30.0, 61.0):
        clock.advance(pause)
        fail(breaker, 5)
        last = breaker.opens_in()
        clock.advance(last)
        breaker.passed(breaker.epoch)
        clock.advance(10)
        breaker.passed(breaker.epoch)
        assert breaker.state is State.CLOSED
        assert last == {0.0: 10, 30.0: 20, 61.0: 10}[pause]
