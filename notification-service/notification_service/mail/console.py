"""The transport of development: takes every mail, which the inbox then shows."""

import logging
from collections.abc import Mapping
from email.message import EmailMessage
from typing import Self

from notification_service.models.receivers import masked
from notification_service.providers.port import Submitted

logger = logging.getLogger(__name__)


class ConsoleMail:
    """Delivers to nobody."""

    name = "console"

    @classmethod
    def from_settings(cls, settings: Mapping[str, str]) -> Self:
        """Make it; there is nothing to set."""
        return cls()

    def send(self, receiver: str, message: EmailMessage) -> Submitted:
        """Take the mail; the log has its address masked and not its text."""
        logger.info("mail for the inbox", extra={"receiver": masked(receiver)})
        return Submitted(provider_id=message["Message-ID"], state="delivered")
