"""What probes and requests say together of one instance."""

from typing import Any

import pytest

from api_gateway.upstreams.breaker import Fault, State
from api_gateway.upstreams.standing import Standing
from api_gateway.upstreams.verdict import Probe, Probes, Verdict

GOOD = Probe(None, 0.01, version="1.2")
BAD = Probe("answered 503", 0.01)
REFUSED = Probe("connection refused", 0.0, refused=True)


def standing_at(clock: Any, draw: float = 0.5) -> Standing:
    return Standing(lambda: None, clock, lambda: draw)


def probe(standing: Standing, *probes: Probe) -> None:
    for one in probes:
        standing.probed(one, standing.breaker.epoch)


def fail(standing: Standing, fault: Fault) -> None:
    for _ in range(5):
        standing.failed(standing.breaker.epoch, fault)


@pytest.mark.parametrize(
    ("probes", "verdict"),
    [
        ([], Verdict.UNKNOWN),
        ([GOOD], Verdict.IN),
        ([BAD], Verdict.OUT),
        ([GOOD, BAD], Verdict.IN),
        ([GOOD, BAD, GOOD, BAD], Verdict.IN),
        ([GOOD, BAD, BAD], Verdict.OUT),
        ([BAD, BAD, GOOD], Verdict.IN),
        ([BAD, GOOD, BAD, BAD, GOOD], Verdict.OUT),
        ([GOOD, BAD, BAD, GOOD, BAD, GOOD], Verdict.OUT),
        ([GOOD, BAD, BAD, GOOD, GOOD], Verdict.IN),
    ],
)
def test_first_probe_and_first_good_one_decide_and_later_two_in_a_row(
    clock: Any, probes: list[Probe], verdict: Verdict
) -> None:
    standing = standing_at(clock)
    probe(standing, *probes)
    assert standing.probes.verdict is verdict
    assert standing.fit is (verdict is not Verdict.OUT)


@pytest.mark.parametrize(
    ("probes", "uneasy", "seconds"),
    [
        ([GOOD], False, 5.0),
        ([GOOD], True, 1.0),
        ([GOOD, BAD], False, 1.0),
        ([GOOD, BAD, BAD], False, 1.0),
        ([GOOD, BAD, BAD, GOOD], False, 0.5),
        ([GOOD, BAD, BAD, GOOD, GOOD], False, 5.0),
        ([BAD, BAD, BAD], False, 0.5),
        ([BAD, GOOD], False, 5.0),
    ],
)
def test_probes_hurry_while_something_is_wrong(
    clock: Any, probes: list[Probe], uneasy: bool, seconds: float
) -> None:
    record = Probes(clock, lambda: 0.5)
    for one in probes:
        record.record(one)
    assert record.pause(uneasy) == pytest.approx(seconds)


def test_pauses_differ_by_a_fifth(clock: Any) -> None:
    low, high = Probes(clock, lambda: 0.0), Probes(clock, lambda: 1.0)
    low.record(GOOD)
    high.record(GOOD)
    assert (low.pause(False), high.pause(False)) == pytest.approx((4.0, 6.0))


def test_age_of_the_last_probe_is_told(clock: Any) -> None:
    standing = standing_at(clock)
    assert standing.probes.age_ms() is None
    probe(standing, GOOD)
    clock.advance(1.25)
    assert standing.probes.age_ms() == 1250


def test_good_probes_readmit_an_instance_that_was_away(clock: Any) -> None:
    standing = standing_at(clock)
    probe(standing, GOOD)
    fail(standing, Fault.REFUSED)
    probe(standing, GOOD)
    assert standing.breaker.state is State.OPEN
    probe(standing, GOOD)
    assert standing.breaker.state is State.HALF_OPEN


def test_good_probes_do_not_readmit_one_that_answers_nothing_else(clock: Any) -> None:
    standing = standing_at(clock)
    probe(standing, GOOD)
    fail(standing, Fault.TIMEOUT)
    probe(standing, GOOD, GOOD, GOOD, GOOD)
    assert standing.breaker.state is State.OPEN


def test_good_probes_after_bad_ones_readmit_it_whatever_it_failed_for(clock: Any) -> None:
    standing = standing_at(clock)
    probe(standing, GOOD)
    fail(standing, Fault.TIMEOUT)
    probe(standing, BAD, GOOD, GOOD)
    assert standing.breaker.state is State.HALF_OPEN


def test_probe_from_before_the_ejection_says_nothing_about_it(clock: Any) -> None:
    standing = standing_at(clock)
    before = standing.breaker.epoch
    fail(standing, Fault.REFUSED)
    standing.probed(GOOD, before)
    standing.probed(GOOD, before)
    assert standing.breaker.state is State.OPEN


@pytest.mark.parametrize("fault", [Fault.BAD, Fault.ANSWERED])
def test_ejected_instance_that_answers_may_always_be_tried(clock: Any, fault: Fault) -> None:
    standing = standing_at(clock)
    fail(standing, fault)
    assert not standing.fit
    assert [standing.may_try(99, 100) for _ in range(3)] == [True] * 3


@pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.RESET, Fault.TIMEOUT])
def test_ejected_instance_that_is_silent_is_tried_once_a_second(clock: Any, fault: Fault) -> None:
    standing = standing_at(clock)
    fail(standing, fault)
    tries = []
    for _ in range(8):
        tries.append(standing.may_try(0, 100))
        clock.advance(0.5)
    assert tries == [True, False] * 4


def test_instance_that_probes_found_refusing_is_tried_once_a_second(clock: Any) -> None:
    standing = standing_at(clock)
    probe(standing, REFUSED)
    assert [standing.may_try(0, 100) for _ in range(3)] == [True, False, False]


def test_answer_to_a_request_brings_an_instance_back_that_probes_found_refusing(clock: Any) -> None:
    standing = standing_at(clock)
    probe(standing, GOOD, REFUSED, REFUSED)
    standing.worked(standing.breaker.epoch)
    assert (standing.status, standing.fit) == ("healthy", True)
    probe(standing, REFUSED, REFUSED)
    assert standing.fit is False


def test_half_open_instance_alone_gets_few_requests_at_one_time(clock: Any) -> None:
    standing = standing_at(clock)
    fail(standing, Fault.TIMEOUT)
    clock.advance(10)
    assert (standing.may_try(9, 100), standing.may_try(10, 100)) == (True, False)
    assert (standing.may_try(0, 3), standing.may_try(1, 3)) == (True, False)
    clock.advance(10)
    assert standing.may_try(99, 100)


@pytest.mark.parametrize(("draw", "admitted"), [(0.05, True), (0.15, False)])
def test_half_open_instance_beside_others_gets_its_share(
    clock: Any, draw: float, admitted: bool
) -> None:
    standing = standing_at(clock, draw)
    fail(standing, Fault.TIMEOUT)
    assert not standing.admits()
    clock.advance(12)
    assert standing.admits() is admitted


def test_reason_says_what_is_wrong(clock: Any) -> None:
    standing = standing_at(clock)
    assert (standing.status, standing.reason()) == ("unknown", None)
    probe(standing, GOOD, BAD, BAD, GOOD)
    assert (standing.status, standing.reason()) == ("unhealthy", "answered 503")
    probe(standing, GOOD)
    assert (standing.status, standing.reason()) == ("healthy", None)
    fail(standing, Fault.TIMEOUT)
    assert standing.status == "unhealthy"
    assert (
        standing.reason() == "breaker open after 5 failures (no answer in time), next try in 10 s"
    )
    clock.advance(10)
    assert (standing.status, standing.reason()) == ("healthy", None)


def test_since_is_the_moment_of_the_last_change(clock: Any) -> None:
    standing = standing_at(clock)
    probe(standing, GOOD)
    healthy = standing.since
    probe(standing, GOOD, BAD)
    assert standing.since == healthy
    probe(standing, BAD)
    assert standing.since > healthy
