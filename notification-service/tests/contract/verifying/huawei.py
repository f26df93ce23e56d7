"""batchSendSms that recomputes X-WSSE, and SDK-HMAC-SHA256 as the official SDK signs.

Source: Huawei Cloud, Message & SMS, API reference, "Authentication", "Sending SMSs", "Receiving
status reports"; API signing guide, "AK/SK signing and authentication algorithm".
"""

import base64
import hashlib
import hmac
import json
import re
import time
from datetime import UTC, datetime
from urllib.parse import urlencode
from uuid import uuid4

from verifying.server import VerifyingServer
from verifying.wire import Message, Push, Refused, Reply, Request

APP_KEY, APP_SECRET = "huawei-verifying-key", "huawei-verifying-secret"
_WSSE = re.compile(
    r'UsernameToken Username="([^"]+)",PasswordDigest="([^"]+)",Nonce="([^"]+)",Created="([^"]+)"'
)
_SDK = re.compile(
    r"SDK-HMAC-SHA256 Access=([^,]+), SignedHeaders=([^,]+), Signature=([0-9a-f]{64})"
)
_MALFORMED = Refused(400, "E000503", "Invalid parameter format.")


class VerifyingHuawei(VerifyingServer):
    """Takes one number or several; one with a foreign character fails all."""

    def environment(self) -> dict[str, str]:
        return {
            "HUAWEI_APP_KEY": APP_KEY,
            "HUAWEI_APP_SECRET": APP_SECRET,
            "HUAWEI_SMS_ENDPOINT": self.url,
            "HUAWEI_SENDER": "8821000000001",
        }

    def make_id(self, number: int) -> str:
        return f"{uuid4()}_{number}"

    def verify(self, request: Request) -> None:
        given = request.headers.get("authorization", "")
        if given.startswith("SDK-HMAC-SHA256 "):
            self.authentications.append("sdk-hmac-sha256")
            self._verify_sdk(request)
        elif given == 'WSSE realm="SDP",profile="UsernameToken",type="Appkey"':
            self.authentications.append("wsse")
            self._verify_wsse(request.headers.get("x-wsse", ""))
        else:
            raise Refused(401, "E000001", "Authorization not contained in the HTTP header.")

    def _verify_wsse(self, header: str) -> None:
        found = _WSSE.fullmatch(header)
        if found is None:
            raise Refused(401, "E000020", "X-WSSE is malformed.")
        username, digest, nonce, created = found.groups()
        if username != APP_KEY:
            raise Refused(401, "E000102", "The app_key is invalid.")
        hashed = hashlib.sha256((nonce + created + APP_SECRET).encode())
        # The text of the documents reads as the second, all vendor samples do the first.
        forms = (hashed.hexdigest().encode(), hashed.digest())
        if digest not in [base64.b64encode(form).decode() for form in forms]:
            raise Refused(401, "E000104", "The app_secret is invalid.")
        then = datetime.strptime(created, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        if abs(time.time() - then.timestamp()) > 24 * 3600:
            raise Refused(401, "E000103", "Created is out of range.")
        self.use_nonce(nonce, Refused(401, "E000101", "The nonce was used."))

    def _verify_sdk(self, request: Request) -> None:
        found = _SDK.fullmatch(request.headers["authorization"])
        if found is None or found[1] != APP_KEY:
            raise Refused(401, "E000045", "AK/SK signature is wrong.")
        names, given = found[2], found[3]
        if not {"host", "x-sdk-date"} <= set(names.split(";")):
            raise Refused(401, "E000045", "Headers are missing in the signature.")
        payload = request.headers.get("x-sdk-content-sha256")
        if payload != "UNSIGNED-PAYLOAD":
            payload = hashlib.sha256(request.body).hexdigest()
        lines = "".join(f"{name}:{request.headers[name].strip()}\n" for name in names.split(";"))
        text = f"{request.method}\n{request.path}/\n{request.query}\n{lines}\n{names}\n{payload}"
        date = request.headers["x-sdk-date"]
        to_sign = f"SDK-HMAC-SHA256\n{date}\n{hashlib.sha256(text.encode()).hexdigest()}"
        expected = hmac.new(APP_SECRET.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
        then = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if given != expected or abs(time.time() - then.timestamp()) > 15 * 60:
            raise Refused(401, "E000045", "AK/SK signature is wrong.")

    def handle(self, request: Request) -> Reply:
        if request.path != "/sms/batchSendSms/v1" or request.method != "POST":
            raise Refused(404, "APIGW.0101", "The API does not exist.")
        form = request.form()
        numbers = form.get("to", "").split(",")
        if not form.get("from") or not form.get("templateId"):
            raise _MALFORMED
        if not all(re.fullmatch(r"\+?\d{5,20}", number) for number in numbers):
            raise _MALFORMED
        values = json.loads(form.get("templateParas") or "[]")
        if not all(isinstance(value, str) and value for value in values):
            raise Refused(200, "E200028", "Invalid template parameters.")
        rows = []
        for number in numbers:
            fields = {**form, "values": values}
            message = self.accept(form.get("extend", ""), number, fields)
            rows.append(_row(form["from"], number, message.provider_id, "000000"))
        return Reply(200, {"result": rows, "code": "000000", "description": "Success"})

    def refusal(self, refused: Refused) -> Reply:
        if refused.code.startswith("E2"):
            rows = [_row("", "", "", refused.code)]
            description = "The SMS fails to be sent."
            return Reply(200, {"code": "E000510", "description": description, "result": rows})
        return Reply(refused.status, {"code": refused.code, "description": refused.message})

    def failure(self) -> Refused:
        return Refused(400, "E000000", "System error.")

    def throttling(self) -> Refused:
        return Refused(200, "E200015", "The number of SMSs to be sent is too large.")

    def receipt(self, message: Message, *, delivered: bool, callback: str) -> Push:
        fields = {
            "smsMsgId": message.provider_id,
            "total": "1",
            "sequence": "1",
            "status": "DELIVRD" if delivered else "MBBLACK",
            "source": "2",
            "updateTime": datetime.fromtimestamp(message.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "orgCode": "000",
            "extend": message.id,
            "to": message.to,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return Push(callback, headers, urlencode(fields).encode())


def _row(sender: str, number: str, provider_id: str, status: str) -> dict[str, object]:
    return {
        "originTo": number,
        "createTime": "2026-11-21T12:00:00Z",
        "from": sender,
        "smsMsgId": provider_id,
        "status": status,
        "countryId": "CN",
        "total": 1,
    }
