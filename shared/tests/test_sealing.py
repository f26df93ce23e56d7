"""What is sealed opens with the same secret and purpose, and with nothing else."""

import pytest

from chassis.sealing import seal, unseal


def test_sealed_text_opens_again() -> None:
    sealed = seal("493817 验证码", "secret", purpose="verification")

    assert unseal(sealed, "secret", purpose="verification") == "493817 验证码"


def test_sealed_text_shows_nothing_and_differs_each_time() -> None:
    one, other = (seal("493817", "secret", purpose="verification") for _ in range(2))

    assert one != other
    assert one.isascii() and "493817" not in one


@pytest.mark.parametrize(
    ("secret", "purpose"), [("another", "verification"), ("secret", "reset"), ("", "verification")]
)
def test_another_secret_or_purpose_does_not_open_it(secret: str, purpose: str) -> None:
    sealed = seal("493817", "secret", purpose="verification")

    with pytest.raises(ValueError, match="sealed with another secret"):
        unseal(sealed, secret, purpose=purpose)


@pytest.mark.parametrize("damaged", ["", "493817", "gAAAAA==", "验证码", "\ud800"])
def test_what_was_never_sealed_is_a_value_error(damaged: str) -> None:
    with pytest.raises(ValueError):
        unseal(damaged, "secret", purpose="verification")


def test_a_changed_character_is_noticed() -> None:
    sealed = seal("493817", "secret", purpose="verification")
    changed = sealed[:20] + ("A" if sealed[20] != "A" else "B") + sealed[21:]

    with pytest.raises(ValueError):
        unseal(changed, "secret", purpose="verification")
