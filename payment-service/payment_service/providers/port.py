"""What we ask of any payment provider, in our words.

A call either returns, or says what is certain about its effect: `Declined` had none and never will,
`ProviderUnavailable` never reached the provider, and after `ProviderTimeout` nobody here knows.
"""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from sqlalchemy.orm import Session

from chassis.money import Money


class ProviderError(Exception):
    """A call to the provider that did not succeed."""


class Declined(ProviderError):
    """The provider said no. code: stable and machine-readable; message: fit for the customer."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.code = code
        self.message = message


class ProviderTimeout(ProviderError):
    """No answer in time: the provider may have done it, may be doing it, or not."""


class ProviderUnavailable(ProviderError):
    """The call did not get through, so that it can be made again."""


@dataclass(frozen=True, kw_only=True)
class ChargeRequest:
    """A charge or an authorization.

    key: idempotency key; the same key has its effect once. merchant_reference: our payment's id,
    for reconciliation. action_reference: what an earlier `ActionRequired` returned, once the
    customer has acted.
    """

    key: str
    merchant_reference: str
    money: Money
    source: str
    action_reference: str | None = None


@dataclass(frozen=True, kw_only=True)
class FollowUp:
    """A capture, cancellation or refund of what `reference` names. amount: minor units."""

    key: str
    reference: str
    amount: int


@dataclass(frozen=True)
class Approved:
    """It is done. reference: the provider's id of the charge. amount: minor units that moved."""

    reference: str
    amount: int


@dataclass(frozen=True)
class ActionRequired:
    """The customer has to act at `url` first; nothing was taken."""

    reference: str
    url: str


class Provider(Protocol):
    """A payment provider. Every method raises ProviderError and keeps to its own timeout."""

    def authorize(self, request: ChargeRequest) -> Approved | ActionRequired:
        """Hold the money for a later capture."""
        ...

    def charge(self, request: ChargeRequest) -> Approved | ActionRequired:
        """Take the money in one step."""
        ...

    def capture(self, request: FollowUp) -> Approved:
        """Take `amount` of an authorization, once, and release the rest."""
        ...

    def cancel(self, request: FollowUp) -> Approved:
        """Release an authorization."""
        ...

    def refund(self, request: FollowUp) -> Approved:
        """Give back `amount` of a charge."""
        ...

    def lookup(self, key: str) -> Approved | ActionRequired | None:
        """Tell what the call with `key` did, by returning or raising as it would have.

        Returns None when the provider has never seen the key. Changes nothing.
        """
        ...

    def close(self, key: str) -> Approved | ActionRequired | None:
        """Refuse the key from now on if it was never seen, and return None; else as `lookup`.

        Without it a call that a stalled worker or network delivers after we have given up would
        charge a customer who may have paid again by then (Alipay `trade.cancel`, WeChat `close`).
        """
        ...


@runtime_checkable
class Witness(Protocol):
    """A provider whose own books can be read, so that the audit can compare them with ours."""

    def discrepancies(self, session: Session) -> dict[str, list[dict[str, Any]]]:
        """Return what does not agree, by the name of the check; empty lists where all agrees."""
        ...
