import socket
import threading

import pytest

from user_service.models.users import InvalidCredentials
from user_service.services.login_throttle import LoginThrottle, TooManyAttempts

HERE, ELSEWHERE = "203.0.113.7", "203.0.113.8"


def fail(people, email, times, address=HERE):
    return [people.log_in(email, "wrong password", address).status_code for _ in range(times)]


def test_after_five_failures_the_next_attempts_have_to_wait(people, hashes, published):
    account = people.register()
    assert fail(people, account.email, 6) == [401] * 6
    hashes.clear()
    before = published()

    answer = people.log_in(account.email, account.password, HERE)

    assert answer.status_code == 429
    assert answer.get_json()["code"] == "users.too_many_attempts"
    assert answer.headers["Retry-After"] == "1"
    assert hashes == []
    assert published() == before


def test_the_right_password_works_again_after_the_wait(people, eventually):
    account = people.register()
    fail(people, account.email, 6)

    eventually(lambda: people.log_in(account.email, account.password, HERE).status_code == 200)

    assert fail(people, account.email, 5) == [401] * 5


def test_an_unknown_account_is_throttled_like_a_known_one(people):
    assert fail(people, "nobody@example.com", 7) == [401] * 6 + [429]


def test_the_wait_is_for_one_address_only(people):
    account = people.register()
    fail(people, account.email, 6)

    assert people.log_in(account.email, account.password, ELSEWHERE).status_code == 200


def test_a_forged_forwarding_header_does_not_help(people):
    account = people.register()
    forged = [f"10.0.0.{number}, {HERE}" for number in range(7)]

    statuses = [
        people.log_in(account.email, "wrong password", address).status_code for address in forged
    ]

    assert statuses == [401] * 6 + [429]


def test_spellings_of_an_address_are_one_account(people):
    account = people.register(email="grace@example.com")
    spellings = ["grace@example.com", "GRACE@example.com", "ｇrace@example.com"] * 2

    for spelling in spellings:
        assert people.log_in(spelling, "wrong password", HERE).status_code == 401

    assert people.log_in(account.email, account.password, HERE).status_code == 429


def test_guesses_at_the_current_password_count_as_logins(people):
    account = people.register()
    body = {"current_password": "wrong password", "new_password": "another long password"}

    statuses = [
        people.send("POST", "/me/password", body, account.headers, HERE).status_code
        for _ in range(7)
    ]

    assert statuses == [422] * 6 + [429]


@pytest.fixture
def throttle(redis_url, no_attempts):
    return LoginThrottle(redis_url, account_limit=8, address_limit=12)


def guess(throttle, account, address, right=False):
    with throttle.attempt(account, address):
        if not right:
            raise InvalidCredentials


def refused(throttle, account, address, right=False):
    try:
        guess(throttle, account, address, right)
    except TooManyAttempts as refusal:
        return refusal.retry_after
    except InvalidCredentials:
        return None
    return None


def test_an_account_has_a_limit_over_all_addresses(throttle):
    waits = [refused(throttle, "ada", f"203.0.113.{n}") for n in range(8)]
    assert waits == [None] * 8

    wait = refused(throttle, "ada", "203.0.113.99", right=True)

    assert wait is not None
    assert 3590 <= wait <= 3600
    assert refused(throttle, "grace", "203.0.113.99", right=True) is None


def test_an_address_has_a_limit_over_all_accounts(throttle):
    assert [refused(throttle, f"user{n}", HERE) for n in range(12)] == [None] * 12

    assert refused(throttle, "ada", HERE, right=True) is not None
    assert refused(throttle, "ada", ELSEWHERE, right=True) is None


def test_right_passwords_use_up_nothing(throttle):
    assert [refused(throttle, "ada", HERE, right=True) for _ in range(30)] == [None] * 30

    assert refused(throttle, "ada", HERE) is None


def test_a_failure_of_ours_uses_up_nothing(throttle):
    for _ in range(20):
        with pytest.raises(ZeroDivisionError), throttle.attempt("ada", HERE):
            raise ZeroDivisionError

    assert refused(throttle, "ada", HERE, right=True) is None


def test_addresses_of_one_ipv6_network_are_one_client(throttle):
    spread = [f"2001:db8:0:1::{n:x}" for n in range(1, 13)]
    assert [refused(throttle, f"user{n}", a) for n, a in enumerate(spread)] == [None] * 12

    assert refused(throttle, "ada", "2001:db8:0:1:ffff::1", right=True) is not None
    assert refused(throttle, "ada", "2001:db8:0:2::1", right=True) is None


def test_a_parallel_burst_does_not_exceed_the_limit(throttle):
    outcomes = []
    together = threading.Barrier(20)

    def attack(number):
        together.wait(10)
        outcomes.append(refused(throttle, "ada", f"203.0.113.{number}"))

    threads = [threading.Thread(target=attack, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert outcomes.count(None) == 8


def test_without_redis_each_process_goes_on_counting():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"redis://127.0.0.1:{closed.getsockname()[1]}/0"
    throttle = LoginThrottle(url, account_limit=8, address_limit=12)

    waits = [refused(throttle, "ada", HERE) for _ in range(7)]

    assert waits == [None] * 6 + [1]
    assert refused(throttle, "grace", HERE, right=True) is None
