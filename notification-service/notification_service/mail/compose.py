"""A mail as it goes out: headers of RFC 5322, text and HTML."""

import unicodedata
from email.errors import MessageError
from email.headerregistry import (
    Address,
    BaseHeader,
    HeaderRegistry,
    UniqueUnstructuredHeader,
)
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import format_datetime

from chassis import clock
from notification_service.mail.port import Mail
from notification_service.providers.port import ErrorClass, ProviderError


class Verbatim(UniqueUnstructuredHeader, BaseHeader):  # type: ignore[misc]
    """A header that is never folded: the library would write a long URL as encoded words."""

    def fold(self, *, policy: Policy) -> str:
        """Return the header's line."""
        return f"{self.name}: {self}{policy.linesep}"


def _policy() -> Policy:
    headers = HeaderRegistry()
    headers.map_to_type("list-unsubscribe", Verbatim)
    # Every server takes 7 bits; only some say that they take 8.
    return SMTP.clone(header_factory=headers, cte_type="7bit")


POLICY = _policy()


def compose(mail: Mail) -> EmailMessage:
    """Return the message; each further try has its Message-ID, so that copies can be told.

    Raises ProviderError (CONFIGURATION) where a header cannot carry its value: then nothing was
    sent, which only an error of this kind says.
    """
    try:
        return _composed(mail)
    except (ValueError, MessageError):
        raise ProviderError(
            ErrorClass.CONFIGURATION, "malformed_mail", "a header cannot carry its value"
        ) from None


def _composed(mail: Mail) -> EmailMessage:
    message = EmailMessage(policy=POLICY)
    message["From"] = _address(mail.sender, mail.sender_name)
    message["To"] = _address(mail.to)
    if mail.reply_to:
        message["Reply-To"] = _address(mail.reply_to)
    message["Subject"] = _one_line(mail.subject)
    message["Date"] = format_datetime(clock.now())
    message["Message-ID"] = f"<{mail.id}@{mail.sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    # Clients that would put alike mails into one thread keep those apart whose ids differ.
    message["X-Entity-Ref-ID"] = str(mail.id)
    if mail.unsubscribe:
        message["List-Unsubscribe"] = f"<{mail.unsubscribe}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    return message


def _address(address: str, name: str = "") -> Address:
    # In parts: as a whole the library takes no letters beyond ASCII, which SMTPUTF8 may carry.
    local, at, domain = address.rpartition("@")
    if not (local and at and domain) or any(one.isspace() for one in address):
        raise ValueError("not an address")
    return Address(name, local, domain)


def _one_line(text: str) -> str:
    """Return text without line ends and other control characters."""
    plain = (one if unicodedata.category(one) not in ("Cc", "Cs") else " " for one in text)
    return " ".join("".join(plain).split())
