"""Money: exact integers, no mixing, splits that lose nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.money import CurrencyMismatch, Money, UnknownCurrency, exponent


def test_addition_and_subtraction_keep_the_currency() -> None:
    assert Money(1999, "GBP") + Money(1, "GBP") == Money(2000, "GBP")
    assert Money(1999, "GBP") - Money(2000, "GBP") == Money(-1, "GBP")
    assert -Money(5, "GBP") == Money(-5, "GBP")


def test_multiplication_takes_whole_quantities_only() -> None:
    assert Money(250, "EUR") * 3 == 3 * Money(250, "EUR") == Money(750, "EUR")
    for factor in (1.5, True, "2"):
        with pytest.raises(TypeError):
            Money(250, "EUR") * factor  # type: ignore[operator]


def test_sum_starts_from_zero_of_the_currency() -> None:
    assert sum([Money(1, "GBP"), Money(2, "GBP")], start=Money.zero("GBP")) == Money(3, "GBP")


@pytest.mark.parametrize(
    "operation", ["__add__", "__sub__", "__lt__", "__le__", "__gt__", "__ge__"]
)
def test_mixing_currencies_is_refused(operation: str) -> None:
    with pytest.raises(CurrencyMismatch) as caught:
        getattr(Money(1, "GBP"), operation)(Money(1, "EUR"))
    assert (caught.value.status, caught.value.code) == (422, "money.currency_mismatch")


def test_equal_amounts_of_different_currencies_differ() -> None:
    assert Money(1, "GBP") != Money(1, "EUR")


def test_comparison_is_by_amount() -> None:
    small, large = Money(1, "GBP"), Money(2, "GBP")
    assert small < large and small <= large and large > small and large >= small
    assert bool(small) and not bool(Money.zero("GBP"))


@pytest.mark.parametrize("amount", [19.99, True, "1999", None])
def test_an_amount_that_is_no_integer_is_refused(amount: object) -> None:
    with pytest.raises(TypeError, match="minor units"):
        Money(amount, "GBP")  # type: ignore[arg-type]


@pytest.mark.parametrize("currency", ["gbp", "GB", "XXX", "", "ZZZ"])
def test_an_unknown_currency_is_refused(currency: str) -> None:
    with pytest.raises(UnknownCurrency):
        Money(1, currency)


def test_adding_something_else_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="int"):
        Money(1, "GBP") + 1  # type: ignore[operator]


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (Money(1234, "GBP"), "12.34 GBP"),
        (Money(5, "EUR"), "0.05 EUR"),
        (Money(-5, "EUR"), "-0.05 EUR"),
        (Money(1500, "JPY"), "1500 JPY"),
        (Money(0, "JPY"), "0 JPY"),
        (Money(-5, "KWD"), "-0.005 KWD"),
        (Money(1234, "KWD"), "1.234 KWD"),
    ],
)
def test_display_follows_the_exponent_of_the_currency(money: Money, text: str) -> None:
    assert money.display() == text


def test_exponents_are_those_of_iso_4217() -> None:
    assert [exponent(code) for code in ("JPY", "GBP", "CNY", "KWD")] == [0, 2, 2, 3]


def test_split_gives_the_rest_to_the_largest_remainders() -> None:
    parts = Money(100, "GBP").split([1, 1, 1])
    assert [part.amount for part in parts] == [34, 33, 33]
    assert [part.amount for part in Money(10, "GBP").split([1, 5, 4])] == [1, 5, 4]
    assert [part.amount for part in Money(7, "GBP").split([3, 0, 4])] == [3, 0, 4]
    assert [part.amount for part in Money(-100, "GBP").split([1, 2])] == [-33, -67]


@given(
    amount=st.integers(min_value=-(10**15), max_value=10**15),
    weights=st.lists(st.integers(min_value=0, max_value=10**9), min_size=1).filter(any),
)
def test_split_loses_nothing_and_is_off_by_less_than_one(amount: int, weights: list[int]) -> None:
    parts = Money(amount, "GBP").split(weights)
    assert sum(part.amount for part in parts) == amount
    whole = sum(weights)
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part.amount * whole - amount * weight) < whole


@pytest.mark.parametrize("weights", [[], [0, 0], [1, -1, 3]])
def test_split_needs_something_to_divide_by(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weights"):
        Money(100, "GBP").split(weights)
