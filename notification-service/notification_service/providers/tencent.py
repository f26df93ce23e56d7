"""Tencent Cloud SMS 2021-01-11: SendSms, PullSmsSendStatusByPhoneNumber and status callbacks.

Source: Tencent Cloud, SMS, API documentation, "Error codes" and "SMS delivery status notification".
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Self

import orjson

from chassis import clock
from notification_service.providers.codes import CodeTable
from notification_service.providers.exchange import Answer, Endpoint, accepted, rows_of, text_of
from notification_service.providers.port import (
    ErrorClass,
    Receipt,
    ReceiptRefused,
    ReceiptState,
    Sms,
    Submitted,
)
from notification_service.providers.receipts import entries, field, local_time
from notification_service.providers.settings import require
from notification_service.providers.signing import tc3

_VERSION = "2021-01-11"
_CHINA = timezone(timedelta(hours=8))
_STATES: dict[str, ReceiptState] = {"SUCCESS": "delivered", "FAIL": "failed"}

CODES = CodeTable(
    {
        ErrorClass.RETRYABLE: "InternalError.* ServiceUnavailable* ResourceUnavailable*",
        # Marketing outside of 8 to 22 o'clock: later, and at no other provider either.
        ErrorClass.THROTTLED_NUMBER: (
            "LimitExceeded.PhoneNumber* LimitExceeded.DeliveryFrequencyLimit "
            "FailedOperation.MarketingSendTimeConstraint"
        ),
        ErrorClass.THROTTLED_ACCOUNT: "LimitExceeded* RequestLimitExceeded*",
        ErrorClass.INVALID_RECIPIENT: (
            "InvalidParameterValue.IncorrectPhoneNumber FailedOperation.PhoneNumberParseFail"
        ),
        ErrorClass.SUPPRESSED: "FailedOperation.PhoneNumberInBlacklist MBBLACK BLACK",
        ErrorClass.CONFIGURATION: (
            "AuthFailure* FailedOperation* InvalidParameter* MissingParameter* Unauthorized* "
            "Unsupported* LimitExceeded.PhoneNumberCountLimit "
            "LimitExceeded.AppCountryOrRegionInBlacklist InternalError.RequestTimeException "
            "InternalError.RestApiInterfaceNotExist InternalError.Sig* InternalError.JsonParseFail"
        ),
        ErrorClass.BALANCE: (
            "FailedOperation.InsufficientBalanceInSmsPackage "
            "UnauthorizedOperation.ServiceSuspendDueToArrears "
            "UnauthorizedOperation.SdkAppIdIsDisabled"
        ),
        # Tencent itself had no answer in time from the system that sends.
        ErrorClass.UNKNOWN: (
            "InternalError InternalError.Timeout InternalError.SendAndRecvFail "
            "InternalError.UnknownError InternalError.ParseBackendResponseFail"
        ),
    },
    otherwise=ErrorClass.CONFIGURATION,
)


class TencentProvider:
    """Sends by templates with positional variables, one number a call."""

    name = "tencent"
    receipt_answer = (b'{"result":0,"errmsg":"OK"}', "application/json")

    def __init__(
        self, secret_id: str, secret_key: str, endpoint: Endpoint, *, app_id: str, region: str
    ) -> None:
        self._secret_id = secret_id
        self._secret_key = secret_key
        self._endpoint = endpoint
        self._app_id = app_id
        self._region = region

    @classmethod
    def from_settings(cls, settings: Mapping[str, str]) -> Self:
        """Make it from `TENCENT_*`; raises ValueError."""
        secret_id, secret_key, app_id, url, region = require(
            settings,
            "TENCENT_SECRET_ID",
            "TENCENT_SECRET_KEY",
            "TENCENT_SMS_APP_ID",
            "TENCENT_SMS_ENDPOINT",
            "TENCENT_REGION",
        )
        endpoint = Endpoint.from_settings(settings, url)
        return cls(secret_id, secret_key, endpoint, app_id=app_id, region=region)

    def send(self, sms: Sms) -> Submitted:
        """Call SendSms. Raises ProviderError."""
        request = {
            "PhoneNumberSet": [sms.to],
            "SmsSdkAppId": self._app_id,
            "TemplateId": sms.template.template_id,
            "SignName": sms.template.sign_name,
            "TemplateParamSet": sms.values(),
            "SessionContext": str(sms.id),
        }
        answer, told = self._call("SendSms", request, sms)
        row = next(iter(rows_of(told, "SendStatusSet")), {})
        if text_of(row, "Code") != "Ok":
            raise CODES.error(answer, text_of(row, "Code"), text_of(row, "Message"), sms)
        return accepted(text_of(row, "SerialNo"), text_of(row, "Fee"))

    def look_up(self, sms: Sms, provider_id: str | None, submitted_at: datetime) -> Receipt | None:
        """Pull what the number got since, and find the message by its serial number or our id.

        Tencent answers only for accounts that had it switched on, keeps seven days, knows what is
        decided, and returns our id only where that was switched on too. Raises ProviderError.
        """
        request = {
            "BeginTime": int((submitted_at - timedelta(minutes=1)).timestamp()),
            "EndTime": int(clock.now().timestamp()),
            "Offset": 0,
            "Limit": 100,
            "PhoneNumber": sms.to,
            "SmsSdkAppId": self._app_id,
        }
        _, told = self._call("PullSmsSendStatusByPhoneNumber", request, sms)
        for row in rows_of(told, "PullSmsSendStatusSet"):
            serial = text_of(row, "SerialNo")
            if serial == provider_id or text_of(row, "SessionContext") == str(sms.id):
                return _looked_up(sms, serial, row)
        return None

    def read_receipts(self, headers: Mapping[str, str], body: bytes, url: str) -> list[Receipt]:
        """Read a status callback, which is not signed: its URL must be a secret."""
        return [_receipt(entry) for entry in entries(body)]

    def _call(
        self, action: str, request: dict[str, Any], sms: Sms
    ) -> tuple[Answer, dict[str, Any]]:
        now = clock.now()
        body = orjson.dumps(request)
        authorization = tc3.authorization(
            secret_id=self._secret_id,
            secret_key=self._secret_key,
            host=self._endpoint.host,
            service="sms",
            body=body,
            now=now,
        )
        headers = {
            "Authorization": authorization,
            "Content-Type": tc3.CONTENT_TYPE,
            "X-TC-Action": action,
            "X-TC-Version": _VERSION,
            "X-TC-Timestamp": str(int(now.timestamp())),
            "X-TC-Region": self._region,
        }
        answer = self._endpoint.send("POST", "/", headers=headers, body=body)
        told = answer.json().get("Response")
        if not isinstance(told, dict):
            raise answer.error()
        error = told.get("Error")
        if isinstance(error, dict):
            raise CODES.error(answer, text_of(error, "Code"), text_of(error, "Message"), sms)
        return answer, told


def _looked_up(sms: Sms, serial: str, row: dict[str, Any]) -> Receipt:
    state = _STATES.get(text_of(row, "ReportStatus"), "unknown")
    code = text_of(row, "Description")
    received = row.get("UserReceiveTime")
    return Receipt(
        provider_id=serial,
        receiver=sms.to,
        state=state,
        code=code,
        at=datetime.fromtimestamp(received, UTC) if isinstance(received, int) else None,
        message_id=text_of(row, "SessionContext") or None,
        kind=CODES.find(code) if state == "failed" else None,
    )


def _receipt(entry: dict[str, Any]) -> Receipt:
    status = field(entry, "report_status", required=True)
    if status not in _STATES:
        raise ReceiptRefused
    code = field(entry, "errmsg")
    number = f"+{field(entry, 'nationcode', required=True)}{field(entry, 'mobile', required=True)}"
    return Receipt(
        provider_id=field(entry, "sid", required=True),
        receiver=number,
        state=_STATES[status],
        code=code,
        at=local_time(field(entry, "user_receive_time"), _CHINA),
        kind=CODES.find(code) if status == "FAIL" else None,
    )
