"""Dysmsapi that recomputes both of Aliyun's signatures.

Source: Alibaba Cloud, "V3 request structure and signature", "V2 RPC-style request structure and
signature"; Short Message Service, SendSms, QuerySendDetails, SmsReport.
"""

import base64
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

KEY_ID, SECRET = "LTAI-verifying", "aliyun-verifying-secret"
_AUTHORIZATION = re.compile(
    r"ACS3-HMAC-SHA256 Credential=([^,]+),SignedHeaders=([^,]+),Signature=([0-9a-f]{64})"
)
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~")
_CHINA = timezone(timedelta(hours=8))


def encode(text: str) -> str:
    """Percent-encode by RFC 3986, byte by byte."""
    return "".join(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in text.encode())


def canonical(pairs: list[tuple[str, str]]) -> str:
    """Return the parameters as both versions sign them."""
    return "&".join(f"{encode(name)}={encode(value)}" for name, value in sorted(pairs))


class VerifyingAliyun(VerifyingServer):
    """Takes what a client in the mainland may send; both ways of signing."""

    def environment(self) -> dict[str, str]:
        return {
            "ALIYUN_ACCESS_KEY_ID": KEY_ID,
            "ALIYUN_ACCESS_KEY_SECRET": SECRET,
            "ALIYUN_SMS_ENDPOINT": self.url,
        }

    def make_id(self, number: int) -> str:
        return f"{900_000_000_000_000_000 + number}^0"

    def verify(self, request: Request) -> None:
        if "authorization" in request.headers:
            self.authentications.append("acs3")
            self._verify_v3(request)
        else:
            self.authentications.append("v2")
            self._verify_v2(request)

    def _verify_v3(self, request: Request) -> None:
        found = _AUTHORIZATION.fullmatch(request.headers["authorization"])
        if found is None:
            raise Refused(400, "IncompleteSignature")
        key_id, names, given = found.groups()
        signed = names.split(";")
        must = {"host"} | {name for name in request.headers if name.startswith("x-acs-")}
        must |= {"content-type"} if request.body else set()
        if key_id != KEY_ID:
            raise Refused(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
        if not must <= set(signed) or signed != sorted(signed):
            raise Refused(400, "IncompleteSignature")
        digest = hashlib.sha256(request.body).hexdigest()
        lines = "".join(f"{name}:{request.headers[name].strip()}\n" for name in signed)
        text = (
            f"{request.method}\n{request.path}\n{canonical(request.pairs())}\n"
            f"{lines}\n{names}\n{digest}"
        )
        to_sign = "ACS3-HMAC-SHA256\n" + hashlib.sha256(text.encode()).hexdigest()
        expected = hmac.new(SECRET.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
        if given != expected or request.headers["x-acs-content-sha256"] != digest:
            raise Refused(
                400, "SignatureDoesNotMatch", f"server string to sign is:{encode(to_sign)}"
            )
        self._in_time(request.headers["x-acs-date"], minutes=15)
        self.use_nonce(request.headers["x-acs-signature-nonce"], Refused(400, "SignatureNonceUsed"))

    def _verify_v2(self, request: Request) -> None:
        pairs = request.pairs() + list(request.form().items())
        given = dict(pairs)
        if given.get("AccessKeyId") != KEY_ID:
            raise Refused(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
        query = canonical([pair for pair in pairs if pair[0] != "Signature"])
        to_sign = f"{request.method}&{encode('/')}&{encode(query)}"
        mac = hmac.new((SECRET + "&").encode(), to_sign.encode(), hashlib.sha1)
        method = (given.get("SignatureMethod"), given.get("SignatureVersion"))
        if given.get("Signature") != base64.b64encode(mac.digest()).decode() or method != (
            "HMAC-SHA1",
            "1.0",
        ):
            raise Refused(
                400, "SignatureDoesNotMatch", f"server string to sign is:{encode(to_sign)}"
            )
        self._in_time(given["Timestamp"], minutes=31)
        self.use_nonce(given["SignatureNonce"], Refused(400, "SignatureNonceUsed"))

    def _in_time(self, text: str, *, minutes: int) -> None:
        then = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        if abs(time.time() - then.timestamp()) > minutes * 60:
            raise Refused(400, "InvalidTimeStamp.Expired", "Specified time stamp is expired.")

    def handle(self, request: Request) -> Reply:
        parameters = dict(request.pairs()) | request.form()
        version = request.headers.get("x-acs-version") or parameters.get("Version")
        action = request.headers.get("x-acs-action") or parameters.get("Action")
        if version != "2017-05-25":
            raise Refused(404, "InvalidVersion")
        if action == "SendSms":
            return self._send(parameters)
        if action == "QuerySendDetails":
            return self._details(parameters)
        raise Refused(404, "InvalidAction.NotFound")

    def _send(self, parameters: dict[str, str]) -> Reply:
        number = parameters.get("PhoneNumbers", "")
        if not re.fullmatch(r"(?:\+?86|0086)?1[3-9]\d{9}|[1-9]\d{6,14}", number):
            raise Refused(200, "isv.MOBILE_NUMBER_ILLEGAL", f"{number}非法手机号")
        if not parameters.get("SignName"):
            raise Refused(200, "isv.SMS_SIGNATURE_ILLEGAL", "短信签名不合法")
        if not parameters.get("TemplateCode", "").startswith("SMS_"):
            raise Refused(200, "isv.SMS_TEMPLATE_ILLEGAL", "短信模板不合法")
        params = json.loads(parameters.get("TemplateParam", "{}"))
        if not all(isinstance(value, str) for value in params.values()):
            raise Refused(200, "isv.INVALID_JSON_PARAM", "JSON参数不合法")
        fields = {**parameters, "params": params}
        message = self.accept(parameters.get("OutId", ""), number, fields)
        return self._ok(BizId=message.provider_id)

    def _details(self, parameters: dict[str, str]) -> Reply:
        number, biz_id = parameters["PhoneNumber"], parameters.get("BizId")
        rows = [
            {
                "PhoneNum": number,
                "SendStatus": {"waiting": 1, "failed": 2, "delivered": 3}[message.outcome],
                "ErrCode": {"delivered": "DELIVERED", "failed": "MOBILE_IN_BLACK"}.get(
                    message.outcome, ""
                ),
                "TemplateCode": message.fields["TemplateCode"],
                "OutId": message.id,
                "SendDate": _local(message.at),
                "ReceiveDate": _local(message.at),
            }
            for message in self.messages
            if message.to == number
            and (biz_id in (None, message.provider_id))
            and _local(message.at)[:10].replace("-", "") == parameters["SendDate"]
        ]
        return self._ok(TotalCount=len(rows), SmsSendDetailDTOs={"SmsSendDetailDTO": rows})

    def _ok(self, **more: Any) -> Reply:
        return Reply(200, {"Message": "OK", "RequestId": str(uuid4()), "Code": "OK", **more})

    def refusal(self, refused: Refused) -> Reply:
        body = {"RequestId": str(uuid4()), "Code": refused.code, "Message": refused.message}
        if refused.status >= 400:
            body |= {"HostId": "dysmsapi.aliyuncs.com", "Recommend": ""}
        return Reply(refused.status, body)

    def failure(self) -> Refused:
        return Refused(503, "ServiceUnavailable", "The request has failed.")

    def throttling(self) -> Refused:
        return Refused(400, "Throttling.User", "Request was denied due to user flow control.")

    def receipt(self, message: Message, *, delivered: bool, callback: str) -> Push:
        entry = {
            "phone_number": message.to.removeprefix("+86"),
            "send_time": _local(message.at),
            "report_time": _local(message.at + 2),
            "success": delivered,
            "err_code": "DELIVERED" if delivered else "MOBILE_IN_BLACK",
            "err_msg": "用户接收成功" if delivered else "黑名单",
            "sms_size": "1",
            "biz_id": message.provider_id,
            "out_id": message.id,
        }
        body = json.dumps([entry], ensure_ascii=False).encode()
        return Push(callback, {"Content-Type": "application/json"}, body)


def _local(at: float) -> str:
    return datetime.fromtimestamp(at, _CHINA).strftime("%Y-%m-%d %H:%M:%S")
