"""Who gets a request, how many may be sent again, and what names stand for."""

import socket
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from api_gateway.routes import Address
from api_gateway.upstreams.balance import Balance, better_of_two
from api_gateway.upstreams.breaker import Fault
from api_gateway.upstreams.discovery import Discovery, look_up
from api_gateway.upstreams.instance import Endpoint, Instance, Load
from api_gateway.upstreams.retry_budget import RetryBudget
from api_gateway.upstreams.verdict import Probe

V4, V6 = socket.AF_INET, socket.AF_INET6


def balance_of(number: int, cap: int = 100) -> Balance:
    balance = Balance(cap)
    ends = [Endpoint(Address("h", 80), V4, f"10.0.0.{last}") for last in range(number)]
    balance.use([Instance(end, Load(), balance.sort) for end in ends])
    return balance


def eject(instance: Instance, fault: Fault = Fault.TIMEOUT) -> None:
    for _ in range(5):
        instance.standing.failed(instance.standing.breaker.epoch, fault)


def test_less_busy_of_two_is_chosen_whichever_is_drawn_first() -> None:
    balance = balance_of(2)
    balance.instances[0].in_flight = 1
    assert {better_of_two(balance.instances) for _ in range(50)} == {balance.instances[1]}


def test_equally_busy_ones_share_the_requests() -> None:
    balance = balance_of(3)
    chosen = Counter(balance.choose() for _ in range(3000))
    assert set(chosen) == set(balance.instances)
    assert all(800 < number < 1200 for number in chosen.values())


def test_busiest_one_is_never_chosen() -> None:
    balance = balance_of(4)
    balance.instances[2].in_flight = 5
    assert balance.instances[2] not in {balance.choose() for _ in range(500)}


def test_instance_that_is_out_gets_nothing_while_others_are_there() -> None:
    balance = balance_of(2)
    balance.instances[0].standing.probed(Probe("answered 503", 0.1), 0)
    assert {balance.choose() for _ in range(50)} == {balance.instances[1]}
    eject(balance.instances[1])
    assert balance.none_fit
    assert balance.choose() is balance.instances[0]


def test_all_out_and_silent_gives_nobody_once_each_was_tried() -> None:
    balance = balance_of(2)
    for instance in balance.instances:
        eject(instance)
    assert [balance.choose() is None for _ in range(4)] == [False, False, True, True]


def test_second_try_goes_to_the_least_suspect_other_one() -> None:
    balance = balance_of(3)
    first, second, third = balance.instances
    second.standing.failed(0, Fault.REFUSED)
    third.in_flight = 9
    assert balance.another(first) is third
    eject(third)
    assert balance.another(first) is second
    assert balance_of(1).another(first) is not None
    alone = balance_of(1)
    assert alone.another(alone.instances[0]) is None


def test_budget_allows_three_a_second_without_traffic(clock: Any) -> None:
    budget = RetryBudget(clock)
    assert [budget.spend() for _ in range(31)] == [True] * 30 + [False]
    clock.advance(5)
    assert not budget.spend()
    clock.advance(5)
    assert not budget.spend()
    clock.advance(5)
    assert [budget.spend() for _ in range(16)] == [True] * 15 + [False]


def test_budget_grows_by_a_fifth_of_the_requests(clock: Any) -> None:
    budget = RetryBudget(clock)
    budget.requests = 1000
    assert sum(budget.spend() for _ in range(1000)) == 230


def test_budget_forgets_requests_of_long_ago(clock: Any) -> None:
    budget = RetryBudget(clock)
    budget.requests = 36_000
    clock.advance(3600)
    # A hundred in ten seconds on the average of the hour: twenty more.
    assert sum(budget.spend() for _ in range(1000)) == 50


def found(*ips: str) -> Callable[[str, int], list[tuple[int, str]]]:
    return lambda _host, _port: [(V4, ip) for ip in ips]


def test_ip_addresses_need_no_lookup() -> None:
    def fail(_host: str, _port: int) -> list[tuple[int, str]]:
        raise AssertionError

    discovery = Discovery((Address("127.0.0.1", 1), Address("[::1]", 2)), fail)
    assert [(one.family, one.ip, one.url) for one in discovery.endpoints] == [
        (V4, "127.0.0.1", "http://127.0.0.1:1"), (V6, "::1", "http://[::1]:2"),
    ]  # fmt: skip
    assert (discovery.names, discovery.refresh()) == ((), False)


def test_name_stands_for_all_its_addresses_and_keeps_them_while_dns_fails() -> None:
    answers: list[Any] = [["10.0.0.2", "10.0.0.1"], OSError(), [], ["10.0.0.1", "10.0.0.3"]]

    def lookup(host: str, port: int) -> list[tuple[int, str]]:
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return [(V4, ip) for ip in answer]

    discovery = Discovery((Address("shop", 80),), lookup)
    seen = [([one.ip for one in discovery.endpoints], discovery.tried)]
    for changed in (True, False, False, True):
        assert discovery.refresh() is changed
        seen.append(([one.ip for one in discovery.endpoints], discovery.tried))
    assert seen == [
        ([], False), (["10.0.0.1", "10.0.0.2"], True), (["10.0.0.1", "10.0.0.2"], True),
        (["10.0.0.1", "10.0.0.2"], True), (["10.0.0.1", "10.0.0.3"], True),
    ]  # fmt: skip
    assert discovery.endpoints[0].name == "shop:80"


def test_known_addresses_of_a_name_outlive_a_new_table() -> None:
    before = Discovery((Address("shop", 80),), found("10.0.0.1"))
    before.refresh()
    after = Discovery((Address("shop", 80), Address("10.9.9.9", 80)), found())
    after.keep(before)
    assert [one.ip for one in after.endpoints] == ["10.0.0.1", "10.9.9.9"]


@pytest.mark.parametrize("host", ["localhost"])
def test_name_of_this_machine_is_looked_up_for_real(host: str) -> None:
    assert (V4, "127.0.0.1") in look_up(host, 80)
