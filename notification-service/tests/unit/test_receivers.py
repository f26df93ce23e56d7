"""Only what a message can reach is a receiver, in one spelling."""

import pytest

from notification_service.models.receivers import (
    NotReachable,
    mail_address,
    masked,
    mobile_number,
    region_of,
)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+447400123456", "+447400123456"),
        ("+44 7400 123-456", "+447400123456"),
        ("+8613812345678", "+8613812345678"),
        ("+86 138 1234 5678", "+8613812345678"),
        # Numbers of North America do not tell mobile from fixed.
        ("+12025550123", "+12025550123"),
    ],
)
def test_mobile_numbers_become_e164(text: str, number: str) -> None:
    assert mobile_number(text) == number


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("+8612345", "in use"),
        ("+442079460018", "mobile"),
        ("13812345678", "country code"),
        ("+15005550006", "mobile"),
        ("", "country code"),
        ("+", "country code"),
        ("mei@example.com", "country code"),
        ("+447400123456;ext=5", "in use"),
        ("＋0", "country code"),
    ],
)
def test_other_numbers_are_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(NotReachable, match=reason):
        mobile_number(text)


def test_numbers_without_plus_are_those_of_the_default_region() -> None:
    assert mobile_number("138 1234 5678", "CN") == "+8613812345678"


def test_countries_that_are_not_served_are_refused() -> None:
    assert mobile_number("+8613812345678", regions=("CN",)) == "+8613812345678"
    with pytest.raises(NotReachable, match="country that gets no messages"):
        mobile_number("+447400123456", regions=("CN",))


def test_region_of_a_number_is_its_country() -> None:
    assert (region_of("+8613812345678"), region_of("+447400123456"), region_of("x")) == (
        "CN",
        "GB",
        "",
    )


@pytest.mark.parametrize(
    ("text", "address"),
    [("Mei@Example.COM", "Mei@example.com"), ("a.b+c@mail.example.co.uk",) * 2],
)
def test_mail_addresses_keep_their_local_part(text: str, address: str) -> None:
    assert mail_address(text) == address


@pytest.mark.parametrize(
    "text",
    ["", "mei", "mei@", "@example.com", "mei@example", "mei@exa mple.com", "a@b@example.com",
     "mei@example.com\nBcc: x@example.com", "x" * 65 + "@example.com", "mei@-example.com"],
)  # fmt: skip
def test_other_addresses_are_refused(text: str) -> None:
    with pytest.raises(NotReachable, match="not an e-mail address"):
        mail_address(text)


def test_logs_see_no_whole_receiver() -> None:
    assert masked("+8613812345678") == "+86********678"
    assert masked("mei@example.com") == "m***@example.com"
