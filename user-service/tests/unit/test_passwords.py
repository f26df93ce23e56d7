import threading

import pytest
from argon2 import PasswordHasher, extract_parameters

from chassis.exceptions import ServiceUnavailable
from user_service.services.passwords import Passwords


@pytest.fixture(scope="module")
def passwords():
    return Passwords(concurrency=2)


def test_a_hash_has_the_parameters_that_owasp_recommends(passwords):
    parameters = extract_parameters(passwords.hash("correct horse"))

    assert parameters.type.name == "ID"
    assert (parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (19456, 2, 1)
    assert (parameters.hash_len, parameters.salt_len) == (32, 16)


def test_only_the_right_password_matches(passwords):
    stored = passwords.hash("correct horse")

    assert passwords.matches(stored, "correct horse")
    assert not passwords.matches(stored, "correct horsf")
    assert not passwords.matches(stored, "correct horse ")


def test_equal_passwords_have_different_hashes(passwords):
    assert passwords.hash("correct horse") != passwords.hash("correct horse")


def test_the_same_keys_match_on_every_device(passwords):
    stored = passwords.hash("caf\u00e9 cr\u00e8me")

    assert passwords.matches(stored, "cafe\u0301 cre\u0300me")


def test_no_password_matches_an_account_that_does_not_exist(passwords):
    assert not passwords.matches(None, "correct horse")


def test_the_decoy_costs_what_a_real_hash_does(passwords):
    real = extract_parameters(passwords.hash("correct horse"))

    assert extract_parameters(passwords._decoy) == real


def test_a_broken_stored_hash_matches_nothing(passwords):
    assert not passwords.matches("not a hash", "correct horse")


def test_a_hash_with_old_parameters_is_outdated(passwords):
    old = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash("correct horse")

    assert passwords.outdated(old)
    assert passwords.matches(old, "correct horse")
    assert not passwords.outdated(passwords.hash("correct horse"))


def test_no_more_than_the_allowed_number_hash_at_once():
    passwords = Passwords(concurrency=1, wait=0.01)
    inside, leave = threading.Event(), threading.Event()

    def occupy():
        with passwords._turn():
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=occupy)
    thread.start()
    inside.wait(10)
    try:
        with pytest.raises(ServiceUnavailable) as refusal:
            passwords.hash("correct horse")
    finally:
        leave.set()
        thread.join()

    assert refusal.value.code == "users.busy"
    assert refusal.value.headers["Retry-After"] == "2"
    assert passwords.hash("correct horse")
