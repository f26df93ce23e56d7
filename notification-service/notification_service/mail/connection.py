"""One conversation with the mail server, and what is certain when it breaks off.

smtplib's own `sendmail` does not tell whether the mail's content was on its way when the connection
was lost. Here every step is made by itself: until the server has asked for the content nothing can
have been sent, and from then on every failure but a plain refusal is `UNKNOWN`.
"""

import re
import smtplib
import socket
import ssl
import time
from dataclasses import dataclass

from notification_service.mail.bounces import Stage, refusal
from notification_service.mail.relay import Relay
from notification_service.providers.port import ErrorClass, ProviderError

_DOT_FIRST = re.compile(rb"(?m)^\.")
_GOODBYE_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """A mail on its way. content: whole, lines ended by CRLF."""

    sender: str
    receiver: str
    content: bytes

    @property
    def international(self) -> bool:
        """Tell whether only SMTPUTF8 (RFC 6531) can carry the addresses."""
        return not (self.sender + self.receiver).isascii()


class Connection:
    """An open connection, ready for a mail; for one thread at a time."""

    def __init__(self, relay: Relay) -> None:
        """Connect, make the connection safe, log in. Raises ProviderError; nothing is left open."""
        self._relay = relay
        self._client = _connect(relay)
        self.rest()

    @property
    def open(self) -> bool:
        """Tell whether we have not seen it end."""
        return self._client.sock is not None

    @property
    def stale(self) -> bool:
        """Tell whether it has waited for a mail for too long."""
        return time.monotonic() - self._idle_since > self._relay.idle

    def hand_over(self, envelope: Envelope) -> None:
        """Hand a mail over, once. Raises ProviderError.

        Unless that is `UNKNOWN` the server does not have it. Closed afterwards where the server
        does not listen any more.
        """
        try:
            self._announce(envelope)
        except (OSError, ValueError) as error:
            self._client.close()
            raise _lost(error) from None
        self._deliver(envelope)

    def rest(self) -> None:
        """Let it wait for the next mail, from now on."""
        self._idle_since = time.monotonic()

    def close(self) -> None:
        """End it, without waiting for an answer for long."""
        if self.open:
            self._wait_at_most(_GOODBYE_SECONDS)
            try:
                self._client.quit()
            except (OSError, ValueError):
                self._client.close()

    def _announce(self, envelope: Envelope) -> None:
        self._wait_at_most(self._relay.timeout)
        to = envelope.receiver
        client = self._client
        options = self._options(envelope)
        self._expect(2, Stage.SENDER, client.mail(envelope.sender, options), to)
        self._expect(2, Stage.RECEIVER, client.rcpt(to), to)
        self._expect(3, Stage.DATA, client.docmd("DATA"), to)

    def _options(self, envelope: Envelope) -> list[str]:
        options = []
        if self._client.has_extn("size"):
            options.append(f"SIZE={len(envelope.content)}")
        if envelope.international:
            if not self._client.has_extn("smtputf8"):
                raise ProviderError(
                    ErrorClass.CONFIGURATION, "smtputf8", "the server takes ASCII addresses only"
                )
            options += ["SMTPUTF8", "BODY=8BITMIME"]
        return options

    def _deliver(self, envelope: Envelope) -> None:
        """Send the content, and wait for the one answer that says who has the mail now."""
        self._wait_at_most(self._relay.data_timeout)
        content = _DOT_FIRST.sub(b"..", envelope.content)
        end = b".\r\n" if content.endswith(b"\r\n") else b"\r\n.\r\n"
        try:
            self._client.send(content + end)
            reply = self._client.getreply()
        except (OSError, ValueError) as error:
            self._client.close()
            raise ProviderError(ErrorClass.UNKNOWN, _name_of(error), "no answer") from None
        if reply[0] // 100 not in (2, 4, 5):
            self._client.close()
            raise ProviderError(ErrorClass.UNKNOWN, "malformed_answer")
        self._expect(2, Stage.DATA, reply, envelope.receiver)

    def _expect(self, wanted: int, stage: Stage, reply: tuple[int, bytes], receiver: str) -> None:
        code, text = reply
        if code // 100 == wanted:
            return
        self._start_over(code)
        raise refusal(stage, code, text, receiver)

    def _start_over(self, code: int) -> None:
        # 421: the server hangs up. Whatever is no refusal leaves the two of us at odds.
        if code == 421 or code // 100 not in (4, 5):
            self.close()
            return
        try:
            if self._client.rset()[0] != 250:
                self.close()
        except (OSError, ValueError):
            self._client.close()

    def _wait_at_most(self, seconds: float) -> None:
        if isinstance(self._client.sock, socket.socket):
            self._client.sock.settimeout(seconds)


def _connect(relay: Relay) -> smtplib.SMTP:
    client: smtplib.SMTP | None = None
    try:
        where = (relay.host, relay.port, relay.helo)
        if relay.security == "tls":
            client = smtplib.SMTP_SSL(*where, timeout=relay.timeout, context=relay.tls)
        else:
            client = smtplib.SMTP(*where, timeout=relay.timeout)
        _prepare(client, relay)
    except (OSError, ValueError) as error:
        if client is not None:
            client.close()
        raise _not_connected(error) from None
    return client


def _prepare(client: smtplib.SMTP, relay: Relay) -> None:
    client.ehlo_or_helo_if_needed()
    if relay.security == "starttls":
        client.starttls(context=relay.tls)
        client.ehlo_or_helo_if_needed()
    if relay.user:
        client.login(relay.user, relay.password)


def _not_connected(error: Exception) -> ProviderError:
    match error:
        case smtplib.SMTPAuthenticationError():
            return refusal(Stage.LOGIN, error.smtp_code, _bytes(error.smtp_error))
        case smtplib.SMTPResponseException():
            return refusal(Stage.GREETING, error.smtp_code, _bytes(error.smtp_error))
        case smtplib.SMTPServerDisconnected():
            return _lost(error)
        case smtplib.SMTPException():
            # It never falls back to a connection without TLS or login.
            return ProviderError(ErrorClass.CONFIGURATION, "not_offered", str(error)[:200])
        case ssl.SSLCertVerificationError():
            message = error.verify_message
            return ProviderError(ErrorClass.CONFIGURATION, "certificate", message)
        case ssl.SSLError():
            return ProviderError(ErrorClass.RETRYABLE, "tls", str(error.reason))
        case ValueError():
            return ProviderError(ErrorClass.CONFIGURATION, "malformed_answer")
        case TimeoutError():
            return ProviderError(ErrorClass.RETRYABLE, "timeout", "cannot be reached")
    return ProviderError(ErrorClass.RETRYABLE, "connection", "cannot be reached")


def _lost(error: Exception) -> ProviderError:
    """Return the error for a connection that ended before the content: nothing was sent."""
    return ProviderError(ErrorClass.RETRYABLE, _name_of(error), "the connection was lost")


def _name_of(error: Exception) -> str:
    # smtplib makes one error of both and keeps the other as its context.
    timed_out = isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError)
    return "timeout" if timed_out else "connection_lost"


def _bytes(text: bytes | str) -> bytes:
    return text.encode() if isinstance(text, str) else text
