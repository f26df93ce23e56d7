"""Mails by SMTP, over connections that are kept for the next mail."""

import smtplib
import threading
from collections import deque
from collections.abc import Mapping
from email.errors import MessageError
from email.message import EmailMessage
from email.policy import SMTP
from typing import Self

from notification_service.mail.bounces import return_path
from notification_service.mail.connection import Connection, Envelope
from notification_service.mail.relay import Relay
from notification_service.providers.port import ErrorClass, ProviderError, Submitted
from notification_service.providers.settings import require


class SmtpMail:
    """Hands mails to one server; each connection serves one thread at a time.

    As many connections are open as mails are sent at once; those that wait longer than `SMTP_IDLE`
    are closed.
    """

    name = "smtp"

    def __init__(self, relay: Relay, bounce: str) -> None:
        self._relay, self._bounce = relay, bounce
        self._lock = threading.Lock()
        # The one used last is on the right and is taken first, so that the others can go stale.
        self._waiting: deque[Connection] = deque()

    @classmethod
    def from_settings(cls, settings: Mapping[str, str]) -> Self:
        """Make it from `MAIL_*` and `SMTP_*`; raises ValueError."""
        (sender,) = require(settings, "MAIL_FROM")
        return cls(Relay.from_settings(settings), settings.get("MAIL_BOUNCE") or sender)

    def send(self, receiver: str, message: EmailMessage) -> Submitted:
        """Hand the mail over, once. Raises ProviderError; `UNKNOWN` where the answer was lost."""
        envelope = self._envelope(receiver, message)
        connection = self._take()
        if connection is not None:
            try:
                return self._hand_over(connection, envelope, message)
            except ProviderError as error:
                # Servers hang up on those who wait, or after some mails; that is no failure. A new
                # connection is right as long as the mail itself had not left.
                if connection.open or error.kind is ErrorClass.UNKNOWN:
                    raise
        return self._hand_over(Connection(self._relay), envelope, message)

    def close(self) -> None:
        """Close the connections that wait."""
        with self._lock:
            waiting = list(self._waiting)
            self._waiting.clear()
        for connection in waiting:
            connection.close()

    def _envelope(self, receiver: str, message: EmailMessage) -> Envelope:
        sender = return_path(self._bounce, message.get("X-Entity-Ref-ID", "").replace("-", ""))
        for address in (sender, receiver):
            # smtplib makes what it takes for the address of whatever it is given.
            if not address or smtplib.quoteaddr(address) != f"<{address}>":
                raise ProviderError(ErrorClass.CONFIGURATION, "malformed_address")
        international = not (sender + receiver).isascii()
        policy = SMTP.clone(cte_type="7bit", utf8=international)
        try:
            content = message.as_bytes(policy=policy)
        except (ValueError, MessageError):
            raise ProviderError(ErrorClass.CONFIGURATION, "malformed_mail") from None
        return Envelope(sender=sender, receiver=receiver, content=content)

    def _hand_over(
        self, connection: Connection, envelope: Envelope, message: EmailMessage
    ) -> Submitted:
        try:
            connection.hand_over(envelope)
        except ProviderError:
            # A refusal: it is ready for the next mail, or closed.
            self._keep(connection)
            raise
        except BaseException:
            connection.close()
            raise
        self._keep(connection)
        return Submitted(provider_id=message["Message-ID"])

    def _take(self) -> Connection | None:
        self._drop_stale()
        with self._lock:
            return self._waiting.pop() if self._waiting else None

    def _keep(self, connection: Connection) -> None:
        if connection.open:
            connection.rest()
            with self._lock:
                self._waiting.append(connection)

    def _drop_stale(self) -> None:
        with self._lock:
            stale = []
            while self._waiting and self._waiting[0].stale:
                stale.append(self._waiting.popleft())
        for connection in stale:
            connection.close()
