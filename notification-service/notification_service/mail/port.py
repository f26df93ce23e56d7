"""What we ask of whatever takes mails, in the words of the SMS port: a mail is accepted, refused
for a reason of its `ErrorClass`, or nobody knows (`UNKNOWN`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Protocol, Self
from uuid import UUID

from notification_service.providers.port import Submitted


@dataclass(frozen=True, kw_only=True)
class Mail:
    """One mail to one address.

    reply_to: empty where that is the sender. unsubscribe: URL for RFC 8058; empty where there is
    none.
    """

    id: UUID
    sender: str
    sender_name: str
    to: str
    subject: str
    text: str
    html: str
    unsubscribe: str = ""
    reply_to: str = ""


class MailTransport(Protocol):
    """Takes mails; called from several threads at once."""

    name: str

    @classmethod
    def from_settings(cls, settings: Mapping[str, str]) -> Self:
        """Make it from values by the names of environment variables; opens no connection.

        Raises ValueError naming all variables that are missing.
        """
        ...

    def send(self, receiver: str, message: EmailMessage) -> Submitted:
        """Hand the message over, once. Raises `providers.port.ProviderError`.

        `INVALID_RECIPIENT` for an address that does not exist, which suppresses it; `UNKNOWN` when
        the answer to the whole message was lost.
        """
        ...
