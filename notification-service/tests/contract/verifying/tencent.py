"""SMS 2021-01-11 that recomputes TC3-HMAC-SHA256.

Source: Tencent Cloud, "API 3.0 signature v3"; SMS, SendSms, PullSmsSendStatusByPhoneNumber, "SMS
delivery status notification".
"""

import hashlib
import hmac
import json
import re
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

from verifying.server import VerifyingServer
from verifying.wire import Message, Push, Refused, Reply, Request

SECRET_ID, SECRET_KEY, APP_ID = "AKIDverifying", "tencent-verifying-secret", "1400000001"
_AUTHORIZATION = re.compile(
    r"TC3-HMAC-SHA256 Credential=([^/]+)/(\d{4}-\d\d-\d\d)/sms/tc3_request, "
    r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})"
)
_CHINA = timezone(timedelta(hours=8))


class VerifyingTencent(VerifyingServer):
    """Answers 200 always, as Tencent does."""

    def environment(self) -> dict[str, str]:
        return {
            "TENCENT_SECRET_ID": SECRET_ID,
            "TENCENT_SECRET_KEY": SECRET_KEY,
            "TENCENT_SMS_APP_ID": APP_ID,
            "TENCENT_SMS_ENDPOINT": self.url,
            "TENCENT_REGION": "ap-guangzhou",
        }

    def make_id(self, number: int) -> str:
        return f"5000:{number:015d}"

    def verify(self, request: Request) -> None:
        found = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
        if found is None:
            raise Refused(200, "AuthFailure.InvalidAuthorization")
        self.authentications.append("tc3")
        secret_id, date, names, given = found.groups()
        if secret_id != SECRET_ID:
            raise Refused(200, "AuthFailure.SecretIdNotFound")
        if not {"content-type", "host"} <= set(names.split(";")):
            raise Refused(200, "AuthFailure.InvalidAuthorization")
        stamp = request.headers["x-tc-timestamp"]
        then = datetime.fromtimestamp(int(stamp), UTC)
        if abs(time.time() - then.timestamp()) > 300 or then.strftime("%Y-%m-%d") != date:
            raise Refused(200, "AuthFailure.SignatureExpire")
        lines = "".join(
            f"{name}:{request.headers[name].strip().lower()}\n" for name in names.split(";")
        )
        payload = hashlib.sha256(request.body).hexdigest()
        text = f"{request.method}\n/\n{request.query}\n{lines}\n{names}\n{payload}"
        digest = hashlib.sha256(text.encode()).hexdigest()
        to_sign = f"TC3-HMAC-SHA256\n{stamp}\n{date}/sms/tc3_request\n{digest}"
        key_date = _mac(("TC3" + SECRET_KEY).encode(), date)
        key = _mac(_mac(key_date, "sms"), "tc3_request")
        if given != _mac(key, to_sign).hex():
            raise Refused(200, "AuthFailure.SignatureFailure")

    def handle(self, request: Request) -> Reply:
        body = json.loads(request.body)
        if request.headers.get("x-tc-version") != "2021-01-11":
            raise Refused(200, "NoSuchVersion")
        if body.get("SmsSdkAppId") != APP_ID:
            raise Refused(200, "UnauthorizedOperation.SmsSdkAppIdVerifyFail")
        if request.headers.get("x-tc-action") == "SendSms":
            return _ok(
                SendStatusSet=[self._send(body, number) for number in body["PhoneNumberSet"]]
            )
        if request.headers.get("x-tc-action") == "PullSmsSendStatusByPhoneNumber":
            return _ok(PullSmsSendStatusSet=self._status(body))
        raise Refused(200, "InvalidAction")

    def _send(self, body: dict[str, Any], number: str) -> dict[str, Any]:
        code, message_id = "Ok", ""
        if not re.fullmatch(r"\+\d{7,15}", number):
            code = "InvalidParameterValue.IncorrectPhoneNumber"
        elif not all(isinstance(value, str) for value in body.get("TemplateParamSet", [])):
            code = "InvalidParameter"
        else:
            message_id = self.accept(body.get("SessionContext", ""), number, body).provider_id
        return {
            "SerialNo": message_id,
            "PhoneNumber": number,
            "Fee": 1 if message_id else 0,
            "SessionContext": body.get("SessionContext", ""),
            "Code": code,
            "Message": "send success" if code == "Ok" else code,
            "IsoCode": "CN",
        }

    def _status(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            {
                "UserReceiveTime": int(message.at),
                "CountryCode": "86",
                "SubscriberNumber": message.to.removeprefix("+86"),
                "PhoneNumber": message.to,
                "SerialNo": message.provider_id,
                "ReportStatus": "SUCCESS" if message.outcome == "delivered" else "FAIL",
                "Description": "DELIVRD" if message.outcome == "delivered" else "MBBLACK",
                "SessionContext": message.id,
            }
            for message in self.messages
            if message.to == body["PhoneNumber"]
            and message.outcome != "waiting"
            and body["BeginTime"] <= message.at <= body["EndTime"] + 1
        ]

    def refusal(self, refused: Refused) -> Reply:
        error = {"Code": refused.code, "Message": refused.message or refused.code}
        return Reply(200, {"Response": {"Error": error, "RequestId": str(uuid4())}})

    def failure(self) -> Refused:
        return Refused(200, "InternalError.OtherError")

    def throttling(self) -> Refused:
        return Refused(200, "RequestLimitExceeded")

    def receipt(self, message: Message, *, delivered: bool, callback: str) -> Push:
        received = datetime.fromtimestamp(message.at, _CHINA).strftime("%Y-%m-%d %H:%M:%S")
        entry = {
            "user_receive_time": received,
            "nationcode": "86",
            "mobile": message.to.removeprefix("+86"),
            "report_status": "SUCCESS" if delivered else "FAIL",
            "errmsg": "DELIVRD" if delivered else "MBBLACK",
            "description": "用户短信送达成功" if delivered else "黑名单",
            "sid": message.provider_id,
        }
        body = json.dumps([entry], ensure_ascii=False).encode()
        return Push(callback, {"Content-Type": "application/json"}, body)


def _ok(**more: Any) -> Reply:
    return Reply(200, {"Response": {**more, "RequestId": str(uuid4())}})


def _mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
