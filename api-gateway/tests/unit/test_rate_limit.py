"""How requests are counted, under a clock that stands still."""

from typing import Any

import pytest

from api_gateway.call import Call
from api_gateway.errors import RateLimited
from api_gateway.middleware import rate_limit
from api_gateway.middleware.auth import Caller
from api_gateway.middleware.origin import Networks, Origins
from api_gateway.middleware.rate_limit import RateLimits
from api_gateway.routes import Limit, Policy

TEN = Limit("orders-user-60", 10, 60, "user")
ADDRESS = Limit("orders-address-60", 20, 60, "address")


class Clock:
    """A wall clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1_000_000 * 60.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def call(user: str | None = "u1", address: str = "192.0.2.1") -> Call:
    environ = {"REQUEST_METHOD": "GET", "REMOTE_ADDR": address, "wsgi.url_scheme": "http"}
    made = Call(environ, Origins(Networks(())).of(environ))
    made.caller = Caller(user, frozenset(), {}, "") if user else None
    return made


def passed(limits: RateLimits, times: int, *limit: Limit, **caller: Any) -> int:
    """Return how many of so many requests got through."""
    through = 0
    for _ in range(times):
        try:
            limits.check(call(**caller), Policy(limits=limit))
        except RateLimited:
            continue
        through += 1
    return through


def test_a_caller_gets_the_amount_and_others_are_not_touched(clock: Clock) -> None:
    limits = RateLimits(True, now=clock)
    assert passed(limits, 15, TEN) == 10
    assert passed(limits, 15, TEN, user="u2") == 10


def test_what_is_left_of_the_previous_window_counts_in_proportion(clock: Clock) -> None:
    limits = RateLimits(True, now=clock)
    clock.now += 59
    assert passed(limits, 15, TEN) == 10
    clock.now += 1 + 30  # Half of the ten still count.
    assert passed(limits, 15, TEN) == 5
    clock.now += 120
    assert passed(limits, 15, TEN) == 10


def test_whoever_waits_as_told_gets_through(clock: Clock) -> None:
    limits = RateLimits(True, now=clock)
    for offset in (0, 7.5, 31, 59.5):
        clock.now += offset
        passed(limits, 15, TEN)
        with pytest.raises(RateLimited) as refusal:
            limits.check(call(), Policy(limits=(TEN,)))
        assert refusal.value.headers["Retry-After"] == str(refusal.value.retry_after)
        clock.now += refusal.value.retry_after
        limits.check(call(), Policy(limits=(TEN,)))


def test_refused_requests_do_not_count(clock: Clock) -> None:
    limits = RateLimits(True, now=clock)
    passed(limits, 1000, TEN)
    clock.now += 120
    assert passed(limits, 15, TEN) == 10


def test_limits_by_user_pass_over_those_without_a_token(clock: Clock) -> None:
    limits = RateLimits(True, now=clock)
    assert passed(limits, 30, TEN, ADDRESS, user=None) == 20


def test_addresses_of_one_ipv6_network_are_one_caller(clock: Clock) -> None:
    limits = RateLimits(True, now=clock)
    found = [
        passed(limits, 15, ADDRESS, address=address)
        for address in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1", "::ffff:192.0.2.9")
    ]
    assert found == [15, 5, 15, 15]
    assert passed(limits, 15, ADDRESS, address="192.0.2.9") == 5


def test_answer_tells_the_tightest_limit(clock: Clock) -> None:
    limits = RateLimits(True, now=clock)
    clock.now += 20
    one = call()
    limits.check(one, Policy(limits=(TEN, ADDRESS)))
    policy = '"orders-user-60";q=10;w=60, "orders-address-60";q=20;w=60'
    assert one.quota == [
        ("RateLimit-Policy", policy), ("RateLimit", '"orders-user-60";r=9;t=40'),
    ]  # fmt: skip


def test_exempt_callers_are_not_refused(clock: Clock) -> None:
    limits = RateLimits(True, exempt=lambda one: one.user == "boss", now=clock)
    assert passed(limits, 50, TEN, user="boss") == 50
    assert passed(limits, 50, TEN) == 10


def test_switched_off_nothing_is_counted(clock: Clock) -> None:
    limits = RateLimits(False, now=clock)
    assert passed(limits, 50, TEN) == 50
    assert limits.windows == {}


def test_memory_is_bounded(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit, "MAX_WINDOWS", 50)
    limits = RateLimits(True, now=clock)
    for number in range(500):
        limits.check(call(f"u{number}"), Policy(limits=(TEN,)))
    assert len(limits.windows) <= 50
    clock.now += 300
    limits.forget_old()
    assert limits.windows == {}
