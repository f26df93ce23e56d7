"""Amounts as integer minor units of an ISO 4217 currency; never a float, never a silent mix."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from chassis.exceptions import Unprocessable

# Active codes of ISO 4217 by the number of digits after the point (list one, without the funds,
# metals and test codes, which nobody pays in).
_CODES_BY_EXPONENT = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    2: """AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD
        CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ
        GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL
        MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR
        PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT
        TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD XCG YER ZAR ZMW ZWG""",
    3: "BHD IQD JOD KWD LYD OMR TND",
}
EXPONENTS = {code: digits for digits, codes in _CODES_BY_EXPONENT.items() for code in codes.split()}


class UnknownCurrency(Unprocessable):
    """The currency is not an active ISO 4217 code."""

    code = "money.unknown_currency"


class CurrencyMismatch(Unprocessable):
    """Amounts of different currencies cannot be combined."""

    code = "money.currency_mismatch"


def exponent(currency: str) -> int:
    """Return how many digits stand after the point: JPY 0, GBP 2, KWD 3.

    Raises UnknownCurrency.
    """
    try:
        return EXPONENTS[currency]
    except KeyError:
        raise UnknownCurrency from None


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of money; `amount` counts minor units and may be negative."""

    amount: int
    currency: str

    def __post_init__(self) -> None:
        # bool is an int in Python, and 19.99 would be off by a factor of 100 without a word.
        if type(self.amount) is not int:
            raise TypeError(
                f"amount must be an int of minor units, not {type(self.amount).__name__}"
            )
        exponent(self.currency)

    @classmethod
    def zero(cls, currency: str) -> Self:
        """Return no money; the `start` of a `sum()`."""
        return cls(0, currency)

    def __add__(self, other: "Money") -> "Money":
        return Money(self.amount + self._same(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.amount - self._same(other), self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.amount, self.currency)

    def __mul__(self, factor: int) -> "Money":
        if type(factor) is not int:
            return NotImplemented
        return Money(self.amount * factor, self.currency)

    __rmul__ = __mul__

    def __lt__(self, other: "Money") -> bool:
        return self.amount < self._same(other)

    def __le__(self, other: "Money") -> bool:
        return self.amount <= self._same(other)

    def __gt__(self, other: "Money") -> bool:
        return self.amount > self._same(other)

    def __ge__(self, other: "Money") -> bool:
        return self.amount >= self._same(other)

    def __bool__(self) -> bool:
        return self.amount != 0

    def split(self, weights: Sequence[int]) -> "list[Money]":
        """Divide by `weights` so that the parts sum to the whole, in the order of `weights`.

        Each part is the exact share rounded towards zero; the minor units left over go one each to
        the largest remainders, the earlier one first where they are equal.

        Raises ValueError for negative weights, or where there is nothing to divide by.
        Source: largest remainder (Hamilton) method.
        """
        whole = sum(weights)
        if whole <= 0 or min(weights) < 0:
            raise ValueError("weights must be non-negative and not all zero")
        sign = -1 if self.amount < 0 else 1
        shares = [divmod(abs(self.amount) * weight, whole) for weight in weights]
        left = abs(self.amount) - sum(share for share, _ in shares)
        by_remainder = sorted(range(len(shares)), key=lambda index: -shares[index][1])
        lucky = set(by_remainder[:left])
        return [
            Money(sign * (share + (index in lucky)), self.currency)
            for index, (share, _) in enumerate(shares)
        ]

    def display(self) -> str:
        """Return the amount for people: `12.34 GBP`, `1500 JPY`, `-0.005 KWD`."""
        digits = exponent(self.currency)
        sign = "-" if self.amount < 0 else ""
        text = str(abs(self.amount)).rjust(digits + 1, "0")
        number = f"{text[:-digits]}.{text[-digits:]}" if digits else text
        return f"{sign}{number} {self.currency}"

    def _same(self, other: "Money") -> int:
        if not isinstance(other, Money):
            raise TypeError(f"Money cannot be combined with {type(other).__name__}")
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency} cannot be combined")
        return other.amount
