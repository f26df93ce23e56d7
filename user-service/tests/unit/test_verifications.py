import base64
from datetime import timedelta
from uuid import UUID

import pytest

from user_service.models.verifications import (
    CodeExpired,
    Purpose,
    Verification,
    WrongCode,
    new_code,
    new_reset_token,
    next_send,
)
from user_service.services.codes import Codes, digest_token

ONE = UUID("0198c5b2-6f3e-7c41-9a57-2d1f0b8e4c63")
OTHER = UUID("0198c5b2-6f3e-7c41-9a57-2d1f0b8e4c64")


@pytest.fixture
def verification(clock):
    return Verification(
        secret_digest=b"right", attempts=0, expires_at=clock.now() + timedelta(minutes=5)
    )


@pytest.mark.parametrize(
    ("ages", "wait"),
    [
        ([], None),
        ([0], 30),
        ([0, 30], 60),
        ([0, 60, 90], 120),
        ([0, 120, 180, 210], 120),
        ([0, 120, 240, 300, 330], 3600 - 330),
        ([0, 3700], 30),
        ([3700], None),
        ([0, *range(4000, 76000, 9000)], 30),
        ([0, *range(4000, 81001, 9000)], 86400 - 76000),
    ],
)
def test_the_pause_between_messages_grows(clock, ages, wait):
    now = clock.now()

    due = next_send([now - timedelta(seconds=age) for age in ages])

    assert (due is None) == (wait is None)
    if due is not None:
        assert abs((due - now).total_seconds() - wait) < 1


def test_the_right_code_is_taken_once(verification):
    assert verification.try_code(b"right") is None

    assert isinstance(verification.try_code(b"right"), CodeExpired)


def test_five_guesses_burn_a_code(verification):
    problems = [verification.try_code(b"wrong") for _ in range(5)]

    assert [type(problem) for problem in problems] == [WrongCode] * 5
    assert [problem.errors[0]["message"][:20] for problem in problems][-1] == "Is wrong; 0 attempts"
    assert isinstance(verification.try_code(b"right"), CodeExpired)
    assert verification.attempts == 5


def test_the_fifth_guess_may_be_right(verification):
    for _ in range(4):
        verification.try_code(b"wrong")

    assert verification.try_code(b"right") is None


def test_a_code_is_not_taken_after_five_minutes(verification, clock):
    clock.move(300)

    assert isinstance(verification.try_code(b"right"), CodeExpired)


def test_a_code_is_six_digits_and_a_token_128_bits():
    codes = {new_code() for _ in range(200)}

    assert all(len(code) == 6 and code.isdigit() and code.isascii() for code in codes)
    assert len(codes) > 190
    assert len(base64.urlsafe_b64decode(new_reset_token() + "==")) == 16
    assert len(digest_token(new_reset_token())) == 32


def test_a_digest_belongs_to_one_verification_purpose_code_and_secret():
    codes = Codes("a secret")
    digest = codes.digest_code(ONE, Purpose.LOGIN, "123456")

    others = {
        codes.digest_code(OTHER, Purpose.LOGIN, "123456"),
        codes.digest_code(ONE, Purpose.VERIFY_PHONE, "123456"),
        codes.digest_code(ONE, Purpose.LOGIN, "123457"),
        Codes("another").digest_code(ONE, Purpose.LOGIN, "123456"),
    }

    assert Codes("a secret").digest_code(ONE, Purpose.LOGIN, "123456") == digest
    assert len(others | {digest}) == 5
