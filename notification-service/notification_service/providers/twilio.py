"""Twilio Programmable Messaging, API 2010-04-01: messages and status callbacks.

Source: Twilio, "Message resource", "Outbound message status in status callbacks" and the "Error and
warning dictionary". Twilio takes whole texts, and no id of ours but in the callback's URL.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Self
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from notification_service.providers.codes import CodeTable
from notification_service.providers.exchange import Endpoint, accepted, rows_of, text_of
from notification_service.providers.port import (
    ErrorClass,
    NeverSeen,
    ProviderError,
    Receipt,
    ReceiptRefused,
    ReceiptState,
    Sms,
    Submitted,
)
from notification_service.providers.receipts import field, form
from notification_service.providers.settings import require
from notification_service.providers.signing import twilio as signing

_OUR_ID = "message_id"
_PAGE = 50

CODES = CodeTable(
    {
        ErrorClass.RETRYABLE: "20503 30009",
        ErrorClass.THROTTLED_ACCOUNT: "14107 20429 21611 30001 63038",
        ErrorClass.INVALID_RECIPIENT: "21211 21217 21265 21612 21614 30005 30006",
        ErrorClass.SUPPRESSED: "21610",
        # Keys, senders and contents; 21408 is a country that the account does not allow.
        ErrorClass.CONFIGURATION: "20* 21* 30007 30034 63*",
        ErrorClass.BALANCE: "20005 30002 90010",
        ErrorClass.UNKNOWN: "20500 30008",
    },
    otherwise=ErrorClass.CONFIGURATION,
)
_STATES: dict[str, ReceiptState] = {
    "accepted": "sent",
    "scheduled": "sent",
    "queued": "sent",
    "sending": "sent",
    "sent": "sent",
    "delivered": "delivered",
    "read": "delivered",
    "undelivered": "failed",
    "failed": "failed",
    "canceled": "failed",
    "partially_delivered": "failed",
}
# A message that was made longer after our call than any call lasts is another one. Where clocks
# differ by more than that, one in the wider span may be ours, or an earlier one of the same text.
_SURELY = (timedelta(seconds=-2), timedelta(minutes=2))
_POSSIBLY = (timedelta(minutes=-10), timedelta(minutes=10))


class TwilioProvider:
    """Sends rendered texts."""

    name = "twilio"
    receipt_answer = (b"", "text/plain")

    def __init__(
        self,
        account: str,
        token: str,
        endpoint: Endpoint,
        *,
        sender: str,
        callback: str = "",
        webhook_secret: str = "",
    ) -> None:
        self._account = account
        self._token = token
        self._endpoint = endpoint
        self._sender = sender
        self._callback = callback
        self._webhook_secret = webhook_secret

    @classmethod
    def from_settings(cls, settings: Mapping[str, str]) -> Self:
        """Make it from `TWILIO_*`; raises ValueError."""
        account, token, sender, url = require(
            settings, "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_FROM", "TWILIO_ENDPOINT"
        )
        return cls(
            account,
            token,
            Endpoint.from_settings(settings, url),
            sender=sender,
            callback=_plain(settings.get("TWILIO_STATUS_CALLBACK", "")),
            webhook_secret=settings.get("TWILIO_WEBHOOK_SECRET", ""),
        )

    def send(self, sms: Sms) -> Submitted:
        """Create a message. Raises ProviderError."""
        service = self._sender.startswith("MG")
        fields = {
            "To": sms.to,
            "MessagingServiceSid" if service else "From": self._sender,
            "Body": sms.text,
        }
        if self._callback:
            fields["StatusCallback"] = f"{self._callback}?{_OUR_ID}={sms.id}"
        told = self._call("POST", "Messages.json", sms, urlencode(fields).encode())
        return accepted(text_of(told, "sid"), text_of(told, "num_segments"))

    def look_up(self, sms: Sms, provider_id: str | None, submitted_at: datetime) -> Receipt | None:
        """Fetch the message; without its id, the only one with this number, text and time.

        Several such messages are told apart by nobody: None. Without any, NeverSeen: a message is
        listed from the moment that it is made. Raises ProviderError.
        """
        if provider_id:
            return _looked_up(sms, self._call("GET", f"Messages/{quote(provider_id)}.json", sms))
        query = urlencode({"To": sms.to, "PageSize": str(_PAGE)})
        rows = rows_of(self._call("GET", f"Messages.json?{query}", sms), "messages")
        offsets = [(_made(row) - submitted_at, row) for row in rows]
        same = [(offset, row) for offset, row in offsets if text_of(row, "body") == sms.text]
        surely = [row for offset, row in same if _SURELY[0] <= offset <= _SURELY[1]]
        if len(surely) == 1:
            return _looked_up(sms, surely[0])
        possibly = any(_POSSIBLY[0] <= offset <= _POSSIBLY[1] for offset, _ in same)
        # The newest come first: behind a full page of newer ones it may still be.
        complete = len(rows) < _PAGE or offsets[-1][0] < _POSSIBLY[0]
        if complete and not possibly:
            raise NeverSeen
        return None

    def read_receipts(self, headers: Mapping[str, str], body: bytes, url: str) -> list[Receipt]:
        """Read a status callback, once its signature is found to be Twilio's."""
        posted = form(body)
        self._verify({name.lower(): value for name, value in headers.items()}, posted, url)
        query = parse_qs(urlsplit(url).query)
        status = field(posted, "MessageStatus", required=True)
        if status not in _STATES:
            raise ReceiptRefused
        return [
            Receipt(
                provider_id=field(posted, "MessageSid", required=True),
                receiver=field(posted, "To") or None,
                state=_STATES[status],
                code=field(posted, "ErrorCode") or status,
                message_id=field(query, _OUR_ID) or None,
                kind=_kind(_STATES[status], field(posted, "ErrorCode")),
            )
        ]

    def _verify(
        self, headers: Mapping[str, str], posted: Mapping[str, list[str]], url: str
    ) -> None:
        settings = headers.get("x-twilio-webhooks-signature-settings", "")
        named = dict(part.strip().partition("=")[::2] for part in settings.split(","))
        algorithm = named.get("algorithm") or "HMAC_SHA1"
        secret = self._webhook_secret if settings else self._token
        # Behind a proxy only the configured URL is surely what Twilio called.
        called = f"{self._callback}?{urlsplit(url).query}" if self._callback else url
        given = headers.get("x-twilio-signature", "")
        if not secret or not signing.matches(given, secret, called, posted, algorithm):
            raise ReceiptRefused

    def _call(
        self, method: str, target: str, sms: Sms, body: bytes | None = None
    ) -> dict[str, Any]:
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        answer = self._endpoint.send(
            method,
            f"/2010-04-01/Accounts/{self._account}/{target}",
            headers=headers,
            body=body,
            credentials=(self._account, self._token),
        )
        told = answer.json()
        if answer.status in (200, 201) and told:
            return told
        raise CODES.error(answer, text_of(told, "code"), text_of(told, "message"), sms)


def _plain(callback: str) -> str:
    if "?" in callback or "#" in callback:
        raise ValueError("TWILIO_STATUS_CALLBACK must have no query")
    return callback


def _made(row: dict[str, Any]) -> datetime:
    try:
        return parsedate_to_datetime(text_of(row, "date_created"))
    except ValueError:
        raise ProviderError(ErrorClass.UNKNOWN, "malformed_answer") from None


def _looked_up(sms: Sms, row: dict[str, Any]) -> Receipt:
    state = _STATES.get(text_of(row, "status"), "unknown")
    code = text_of(row, "error_code")
    return Receipt(
        provider_id=text_of(row, "sid"),
        receiver=sms.to,
        state=state,
        code=code or text_of(row, "status"),
        message_id=str(sms.id),
        kind=_kind(state, code),
    )


def _kind(state: ReceiptState, code: str) -> ErrorClass | None:
    return CODES.find(code) if state == "failed" and code else None
