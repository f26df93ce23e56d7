"""Huawei Cloud Message & SMS: batchSendSms v1 and its status reports.

Source: Huawei Cloud, Message & SMS, API reference, "Sending SMSs", "Receiving status reports", "API
error codes" and "Status codes". There is no query: a lost answer stays `unknown` until the receipt.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import urlencode
from uuid import uuid4

import orjson

from chassis import clock
from notification_service.providers.codes import CodeTable
from notification_service.providers.exchange import Endpoint, accepted, rows_of, text_of
from notification_service.providers.port import (
    ErrorClass,
    NotSupported,
    Receipt,
    ReceiptState,
    Sms,
    Submitted,
)
from notification_service.providers.receipts import field, form, local_time
from notification_service.providers.settings import require
from notification_service.providers.signing import wsse

_PATH = "/sms/batchSendSms/v1"
_SUCCESS = "000000"
# The call got through, and each number's own status tells.
_LOOK_AT_EACH = "E000510"

CODES = CodeTable(
    {
        ErrorClass.RETRYABLE: "E000000",
        ErrorClass.THROTTLED_NUMBER: "E200041 MILIMIT LIMIT BEYONDN",
        ErrorClass.THROTTLED_ACCOUNT: "E200015",
        ErrorClass.INVALID_RECIPIENT: "E200025",
        ErrorClass.SUPPRESSED: "BLACK MBBLACK",
        ErrorClass.CONFIGURATION: "E0* E2* KEYWORD",
        ErrorClass.BALANCE: "E000112",
    },
    otherwise=ErrorClass.CONFIGURATION,
)
_STATES: dict[str, ReceiptState] = {
    "DELIVRD": "delivered",
    "EXPIRED": "expired",
    "ACCEPTD": "sent",
    "UNKNOWN": "unknown",
}


class HuaweiProvider:
    """Sends by templates with positional variables, one number a call."""

    name = "huawei"
    receipt_answer = (b"", "text/plain")

    def __init__(
        self, app_key: str, app_secret: str, endpoint: Endpoint, *, sender: str, callback: str
    ) -> None:
        self._app_key = app_key
        self._app_secret = app_secret
        self._endpoint = endpoint
        self._sender = sender
        self._callback = callback

    @classmethod
    def from_settings(cls, settings: Mapping[str, str]) -> Self:
        """Make it from `HUAWEI_*`; raises ValueError."""
        key, secret, url = require(
            settings, "HUAWEI_APP_KEY", "HUAWEI_APP_SECRET", "HUAWEI_SMS_ENDPOINT"
        )
        return cls(
            key,
            secret,
            Endpoint.from_settings(settings, url),
            sender=settings.get("HUAWEI_SENDER", ""),
            callback=settings.get("HUAWEI_STATUS_CALLBACK", ""),
        )

    def send(self, sms: Sms) -> Submitted:
        """Call batchSendSms. Raises ProviderError."""
        headers = wsse.signed_headers(
            app_key=self._app_key,
            app_secret=self._app_secret,
            now=clock.now(),
            nonce=uuid4().hex,
        )
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        body = urlencode(self._form(sms)).encode()
        answer = self._endpoint.send("POST", _PATH, headers=headers, body=body)
        told = answer.json()
        code = text_of(told, "code")
        row = next(iter(rows_of(told, "result")), {})
        if code == _LOOK_AT_EACH:
            code = text_of(row, "status") or code
        if code != _SUCCESS:
            raise CODES.error(answer, code, text_of(told, "description"), sms)
        return accepted(text_of(row, "smsMsgId"), text_of(row, "total"))

    def look_up(self, sms: Sms, provider_id: str | None, submitted_at: datetime) -> Receipt | None:
        """Raise NotSupported: Huawei tells by status reports only."""
        raise NotSupported

    def read_receipts(self, headers: Mapping[str, str], body: bytes, url: str) -> list[Receipt]:
        """Read a status report, which is not signed: its URL must be a secret."""
        return [_receipt(form(body))]

    def _form(self, sms: Sms) -> dict[str, str]:
        fields = {
            "from": sms.template.channel or self._sender,
            "to": sms.to,
            "templateId": sms.template.template_id,
            "extend": str(sms.id),
        }
        values = sms.values()
        if values:
            fields["templateParas"] = orjson.dumps(values).decode()
        if sms.template.sign_name:
            fields["signature"] = sms.template.sign_name
        if self._callback:
            fields["statusCallback"] = self._callback
        return fields


def _receipt(entry: dict[str, Any]) -> Receipt:
    status = field(entry, "status", required=True)
    state = _STATES.get(status, "failed")
    return Receipt(
        provider_id=field(entry, "smsMsgId", required=True),
        receiver=field(entry, "to") or None,
        state=state,
        code=status,
        at=local_time(field(entry, "updateTime"), UTC),
        message_id=field(entry, "extend") or None,
        part=_part(field(entry, "sequence"), field(entry, "total")),
        kind=CODES.find(status) if state == "failed" else None,
    )


def _part(sequence: str, total: str) -> tuple[int, int] | None:
    if not (sequence.isdecimal() and total.isdecimal()):
        return None
    return (int(sequence), int(total)) if 1 <= int(sequence) <= int(total) > 1 else None
