"""The provider of development: takes every message and shows it in the log and the inbox."""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Self

from notification_service.models.receivers import masked
from notification_service.providers.port import (
    NotSupported,
    Receipt,
    ReceiptRefused,
    Sms,
    Submitted,
)

logger = logging.getLogger(__name__)


class ConsoleProvider:
    """Delivers to nobody; what it was given is in the development inbox."""

    name = "console"
    receipt_answer = (b"", "text/plain")

    @classmethod
    def from_settings(cls, settings: Mapping[str, str]) -> Self:
        """Make it; there is nothing to set."""
        return cls()

    def send(self, sms: Sms) -> Submitted:
        """Take the message; the log has its number masked and not its text."""
        logger.info("sms for the inbox", extra={"id": str(sms.id), "receiver": masked(sms.to)})
        return Submitted(provider_id=f"console-{sms.id}", state="delivered")

    def look_up(self, sms: Sms, provider_id: str | None, submitted_at: datetime) -> Receipt | None:
        """Refuse: nothing is remembered here."""
        raise NotSupported

    def read_receipts(self, headers: Mapping[str, str], body: bytes, url: str) -> list[Receipt]:
        """Refuse: nobody sends receipts for what was never sent."""
        raise ReceiptRefused
