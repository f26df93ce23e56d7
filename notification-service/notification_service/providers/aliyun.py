"""Aliyun Short Message Service, Dysmsapi 2017-05-25: SendSms, QuerySendDetails and SmsReport.

Source: Alibaba Cloud, Short Message Service, API reference, "API error codes" and "Receipts". There
is no idempotency: `OutId` only comes back in receipts, so that a lost answer can be looked up.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, Self
from uuid import uuid4

import orjson

from chassis import clock
from notification_service.providers.codes import CodeTable
from notification_service.providers.exchange import Endpoint, accepted, rows_of, text_of
from notification_service.providers.port import (
    ErrorClass,
    NeverSeen,
    Receipt,
    ReceiptRefused,
    ReceiptState,
    Sms,
    Submitted,
)
from notification_service.providers.receipts import entries, field, local_time
from notification_service.providers.settings import require
from notification_service.providers.signing import acs3, aliyun_v2

_VERSION = "2017-05-25"
# The most that one page holds; a number gets no more than 40 a day.
_PAGE = 50
_CHINA = timezone(timedelta(hours=8))
_MAINLAND = re.compile(r"(?:\+86)?(1[3-9]\d{9})")

CODES = CodeTable(
    {
        ErrorClass.RETRYABLE: "isp.SYSTEM_ERROR isp.GATEWAY_ERROR ServiceUnavailable*",
        ErrorClass.THROTTLED_NUMBER: "isv.BUSINESS_LIMIT_CONTROL MOBILE_SEND_LIMIT",
        ErrorClass.THROTTLED_ACCOUNT: "isv.DAY_LIMIT_CONTROL isv.MONTH_LIMIT_CONTROL Throttling*",
        ErrorClass.INVALID_RECIPIENT: (
            "isv.MOBILE_NUMBER_ILLEGAL isv.MOBILE_COUNT_OVER_LIMIT "
            "isv.DOMESTIC_NUMBER_NOT_SUPPORTED INVALID_NUMBER"
        ),
        ErrorClass.SUPPRESSED: "MOBILE_IN_BLACK USER_REJECT",
        # Templates, signatures, keys and IP lists all come as `isv.` or as codes of the gateway.
        ErrorClass.CONFIGURATION: "isv.* isp.RAM_PERMISSION_DENY CONTENT_KEYWORD CONTENT_ERROR",
        ErrorClass.BALANCE: (
            "isv.AMOUNT_NOT_ENOUGH isv.OUT_OF_SERVICE isv.ACCOUNT_NOT_EXISTS isv.ACCOUNT_ABNORMAL "
            "isv.PRODUCT_UN_SUBSCRIPT isv.PRODUCT_UNSUBSCRIBE"
        ),
        # A nonce of ours that was used: something between us and Aliyun sent the request twice,
        # and the first may have been accepted.
        ErrorClass.UNKNOWN: "isp.* SignatureNonceUsed InternalError*",
    },
    otherwise=ErrorClass.CONFIGURATION,
)
# What the message of BUSINESS_LIMIT_CONTROL names: the window that is full, in seconds.
_WINDOWS = {"分钟": 60.0, "小时": 3600.0, "天": 86400.0}
_STATES: dict[str, ReceiptState] = {"1": "sent", "2": "failed", "3": "delivered"}


class AliyunProvider:
    """Sends by templates with named variables, one number a call."""

    name = "aliyun"
    receipt_answer = ('{"code":0,"msg":"成功"}'.encode(), "application/json")

    def __init__(
        self, key_id: str, secret: str, endpoint: Endpoint, *, signature: str = "acs3"
    ) -> None:
        self._key_id = key_id
        self._secret = secret
        self._endpoint = endpoint
        self._signature = signature

    @classmethod
    def from_settings(cls, settings: Mapping[str, str]) -> Self:
        """Make it from `ALIYUN_*`; raises ValueError."""
        key_id, secret, url = require(
            settings, "ALIYUN_ACCESS_KEY_ID", "ALIYUN_ACCESS_KEY_SECRET", "ALIYUN_SMS_ENDPOINT"
        )
        signature = settings.get("ALIYUN_SIGNATURE") or "acs3"
        if signature not in ("acs3", "v2"):
            raise ValueError("ALIYUN_SIGNATURE must be acs3 or v2")
        endpoint = Endpoint.from_settings(settings, url)
        return cls(key_id, secret, endpoint, signature=signature)

    def send(self, sms: Sms) -> Submitted:
        """Call SendSms. Raises ProviderError."""
        values = dict(zip(sms.template.variables, sms.values(), strict=True))
        parameters = {
            "PhoneNumbers": _their_number(sms.to),
            "SignName": sms.template.sign_name,
            "TemplateCode": sms.template.template_id,
            "OutId": str(sms.id),
        }
        if values:
            parameters["TemplateParam"] = orjson.dumps(values).decode()
        body = self._call("SendSms", parameters, sms)
        return accepted(text_of(body, "BizId"), "")

    def look_up(self, sms: Sms, provider_id: str | None, submitted_at: datetime) -> Receipt | None:
        """Call QuerySendDetails for the day, and find our id.

        Aliyun lists what it has accepted as "waiting" at first, so NeverSeen where our id is not
        listed. Raises ProviderError.
        """
        # Around midnight in China their clock may count the message for the other day.
        days = {
            (submitted_at + timedelta(minutes=minutes)).astimezone(_CHINA).strftime("%Y%m%d")
            for minutes in (-10, 10)
        }
        complete = True
        for day in sorted(days):
            rows = self._details(sms, provider_id, day)
            complete = complete and len(rows) < _PAGE
            for row in rows:
                if row.get("OutId") == str(sms.id):
                    return _looked_up(sms, provider_id, row)
        if complete and provider_id is None:
            raise NeverSeen
        return None

    def read_receipts(self, headers: Mapping[str, str], body: bytes, url: str) -> list[Receipt]:
        """Read a push of SmsReport, which is not signed: its URL must be a secret."""
        return [_receipt(entry) for entry in entries(body)]

    def _details(self, sms: Sms, provider_id: str | None, day: str) -> list[dict[str, Any]]:
        parameters = {
            "PhoneNumber": _their_number(sms.to),
            "SendDate": day,
            "PageSize": str(_PAGE),
            "CurrentPage": "1",
        }
        if provider_id:
            parameters["BizId"] = provider_id
        body = self._call("QuerySendDetails", parameters, sms)
        return rows_of(body, "SmsSendDetailDTOs", "SmsSendDetailDTO")

    def _call(self, action: str, parameters: dict[str, str], sms: Sms) -> dict[str, Any]:
        query, headers = self._sign(action, parameters)
        # As the official SDK does: everything in the query of a POST without a body.
        answer = self._endpoint.send("POST", f"/?{query}", headers=headers)
        body = answer.json()
        if answer.status == 200 and body.get("Code") == "OK":
            return body
        code, message = text_of(body, "Code"), text_of(body, "Message")
        raise CODES.error(answer, code, message, sms, retry_after=_pause(code, message))

    def _sign(self, action: str, parameters: dict[str, str]) -> tuple[str, dict[str, str]]:
        now, nonce = clock.now(), uuid4().hex
        if self._signature == "v2":
            signed = aliyun_v2.signed_parameters(
                {"Action": action, "Version": _VERSION, **parameters},
                key_id=self._key_id,
                secret=self._secret,
                now=now,
                nonce=nonce,
            )
            return acs3.canonical_query(signed), {}
        query = acs3.canonical_query(parameters)
        headers = acs3.signed_headers(
            key_id=self._key_id,
            secret=self._secret,
            host=self._endpoint.host,
            action=action,
            version=_VERSION,
            query=query,
            now=now,
            nonce=nonce,
        )
        return query, headers


def _their_number(number: str) -> str:
    mainland = _MAINLAND.fullmatch(number)
    return mainland[1] if mainland else number.removeprefix("+")


def _our_number(number: str) -> str:
    # Aliyun writes numbers of the mainland without country code, all others with it.
    mainland = _MAINLAND.fullmatch(number)
    return f"+86{mainland[1]}" if mainland else f"+{number.removeprefix('+')}"


def _pause(code: str, message: str) -> float | None:
    if code != "isv.BUSINESS_LIMIT_CONTROL":
        return None
    return next((pause for word, pause in _WINDOWS.items() if word in message), None)


def _looked_up(sms: Sms, provider_id: str | None, row: dict[str, Any]) -> Receipt:
    code = text_of(row, "ErrCode")
    state = _STATES.get(text_of(row, "SendStatus"), "unknown")
    return Receipt(
        provider_id=provider_id or "",
        receiver=sms.to,
        state=state,
        code=code,
        at=local_time(text_of(row, "ReceiveDate"), _CHINA),
        message_id=str(sms.id),
        kind=CODES.find(code) if state == "failed" else None,
    )


def _receipt(entry: dict[str, Any]) -> Receipt:
    if not isinstance(entry.get("success"), bool):
        raise ReceiptRefused
    code = field(entry, "err_code")
    return Receipt(
        provider_id=field(entry, "biz_id", required=True),
        receiver=_our_number(field(entry, "phone_number", required=True)),
        state="delivered" if entry["success"] else "failed",
        code=code,
        at=local_time(field(entry, "report_time"), _CHINA),
        message_id=field(entry, "out_id") or None,
        kind=None if entry["success"] else CODES.find(code),
    )
