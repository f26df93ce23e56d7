"""What we ask of any SMS provider, in our words.

A call either returns, or says by its class what is certain: `UNKNOWN` alone means that the provider
may have the message. Whoever gets it must look up or wait, never just send again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal, Protocol, Self
from uuid import UUID


class ErrorClass(StrEnum):
    """What a failed call means for what comes next; every one but UNKNOWN: nothing was sent."""

    # The provider or the way to it is ill: the same provider again, later.
    RETRYABLE = "retryable"
    # This number had too many: later, and no other provider would be right to ask.
    THROTTLED_NUMBER = "throttled_number"
    # We call too often or used up our quota: later, or another provider.
    THROTTLED_ACCOUNT = "throttled_account"
    # Nobody can deliver to this number.
    INVALID_RECIPIENT = "invalid_recipient"
    # The person opted out, or the provider blocks the number.
    SUPPRESSED = "suppressed"
    # Keys, template, signature or parameters are wrong: another provider, and somebody must look.
    CONFIGURATION = "configuration"
    # The account has no money or is closed: another provider, and somebody must look.
    BALANCE = "balance"
    # No answer came back: sent or not, nobody here knows.
    UNKNOWN = "unknown"


class ProviderError(Exception):
    """A message that was not accepted, or may have been (`UNKNOWN`).

    code: the provider's own, or `connection`, `timeout`, `connection_lost`, `certificate`,
    `http_<status>`, `malformed_answer`, `missing_params`.
    message: the provider's words, without number or parameters. retry_after: seconds, where told.
    """

    def __init__(
        self, kind: ErrorClass, code: str, message: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(kind, code, message)
        self.kind = kind
        self.code = code
        self.message = message
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"{self.kind} ({self.code}): {self.message}"


class NotSupported(Exception):
    """The provider has no way to ask for this."""


class NeverSeen(Exception):
    """The provider is certain that it never got the message: it can be sent again."""


class ReceiptRefused(Exception):
    """The request is no genuine receipt: wrong signature or shape. Holds none of its content."""


@dataclass(frozen=True, kw_only=True)
class ProviderTemplate:
    """A template as one provider knows it.

    template_id: the provider's id of the approved text. sign_name: the approved signature.
    channel: the sender (Huawei's channel number). variables: names in the provider's order.
    """

    template_id: str = ""
    sign_name: str = ""
    channel: str = ""
    variables: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Sms:
    """One message to one number.

    id: ours, handed along where the provider echoes it. to: E.164. text: rendered in full, for
    providers that take text. params: values by the names in `template.variables`.
    """

    id: UUID
    to: str
    text: str
    template: ProviderTemplate
    params: Mapping[str, str]

    def values(self) -> list[str]:
        """Return the values in the template's order; raises ProviderError where one is missing."""
        missing = [name for name in self.template.variables if name not in self.params]
        if missing:
            raise ProviderError(
                ErrorClass.CONFIGURATION, "missing_params", f"no value for {', '.join(missing)}"
            )
        return [self.params[name] for name in self.template.variables]


@dataclass(frozen=True)
class Submitted:
    """The provider has it. segments: where the provider counts them."""

    provider_id: str
    segments: int | None = None
    state: Literal["sent", "delivered"] = "sent"


# "sent": the provider has the message and knows no outcome yet; "unknown": it will never know.
ReceiptState = Literal["sent", "delivered", "failed", "expired", "unknown"]


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What became of a message, told by the provider.

    provider_id: empty where a look-up found the message by our id alone. receiver: E.164, where
    told. code: the provider's own. at: aware. message_id: our id, where echoed. part: (number, of
    how many) where each segment gets its own receipt. kind: what a failure means, so that
    `SUPPRESSED` feeds the suppressions; None where the code says nothing that helps.
    """

    provider_id: str
    receiver: str | None
    state: ReceiptState
    code: str
    at: datetime | None = None
    message_id: str | None = None
    part: tuple[int, int] | None = None
    kind: ErrorClass | None = None


class SmsProvider(Protocol):
    """An SMS provider; its methods are called from several threads at once."""

    name: str
    # Body and content type that the provider expects for accepted receipts.
    receipt_answer: tuple[bytes, str]

    @classmethod
    def from_settings(cls, settings: Mapping[str, str]) -> Self:
        """Make it from values by the names of environment variables; opens no connection.

        Raises ValueError naming all variables that are missing.
        """
        ...

    def send(self, sms: Sms) -> Submitted:
        """Hand the message over, once. Raises ProviderError; `UNKNOWN` when the answer was lost."""
        ...

    def look_up(self, sms: Sms, provider_id: str | None, submitted_at: datetime) -> Receipt | None:
        """Ask what became of a message; None: the provider cannot tell (yet).

        provider_id: None when the answer was lost; then our id, or number and time, must do.
        Raises ProviderError, NotSupported where there is no query, and NeverSeen only where the
        provider's records are complete at this moment.
        """
        ...

    def read_receipts(self, headers: Mapping[str, str], body: bytes, url: str) -> list[Receipt]:
        """Read a webhook's request. url: as the provider called it. Raises ReceiptRefused."""
        ...
