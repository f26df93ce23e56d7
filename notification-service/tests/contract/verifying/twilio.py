"""The message resource of Twilio; signs its callbacks as Twilio does.

Source: Twilio, "Message resource", "Webhooks security", "Test credentials" (the numbers that fail).
"""

import base64
import hashlib
import hmac
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from verifying.server import VerifyingServer
from verifying.wire import Message, Push, Refused, Reply, Request

ACCOUNT, TOKEN, SENDER = "AC" + "0" * 32, "twilio-verifying-token", "+15005550006"
# What the environment names; a test that has a service of its own overrides it.
CALLBACK = "https://shop.example/api/notifications/receipts/twilio"
_BASIC = "Basic " + base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
_ROOT = f"/2010-04-01/Accounts/{ACCOUNT}/Messages"
_RECEIVERS = {
    "+15005550001": (21211, "The 'To' number +15005550001 is not a valid phone number."),
    "+15005550002": (21612, "The message could not be routed to this number."),
    "+15005550003": (21408, "Permission to send an SMS has not been enabled for the region."),
    "+15005550004": (21610, "Attempt to send to unsubscribed recipient"),
    "+15005550009": (21614, "'To' number is not a valid mobile number"),
}
_SENDERS = {
    "+15005550001": (21212, "The 'From' number is not a valid phone number."),
    "+15005550007": (21606, "The 'From' number is not SMS-capable."),
    "+15005550008": (21611, "This 'From' number has exceeded the maximum number of messages."),
}


class VerifyingTwilio(VerifyingServer):
    """Knows the numbers of Twilio's test credentials."""

    def environment(self) -> dict[str, str]:
        return {
            "TWILIO_ACCOUNT_SID": ACCOUNT,
            "TWILIO_AUTH_TOKEN": TOKEN,
            "TWILIO_FROM": SENDER,
            "TWILIO_ENDPOINT": self.url,
            "TWILIO_STATUS_CALLBACK": CALLBACK,
        }

    def make_id(self, number: int) -> str:
        return f"SM{number:032x}"

    def verify(self, request: Request) -> None:
        if request.headers.get("authorization") != _BASIC:
            raise Refused(401, "20003", "Authenticate")
        self.authentications.append("basic")

    def handle(self, request: Request) -> Reply:
        if request.path == f"{_ROOT}.json" and request.method == "POST":
            return self._create(request.form())
        if request.path == f"{_ROOT}.json":
            to = dict(request.pairs()).get("To")
            rows = [_shown(message) for message in reversed(self.messages) if message.to == to]
            return Reply(200, {"messages": rows, "page": 0, "page_size": 50})
        for message in self.messages:
            if request.path == f"{_ROOT}/{message.provider_id}.json":
                return Reply(200, _shown(message))
        raise Refused(404, "20404", "The requested resource was not found")

    def _create(self, form: dict[str, str]) -> Reply:
        for number, table in ((form.get("To"), _RECEIVERS), (form.get("From"), _SENDERS)):
            if number in table:
                code, message = table[number]
                raise Refused(400, str(code), message)
        if not 0 < len(form.get("Body", "")) <= 1600:
            raise Refused(400, "21602", "Message body is required.")
        # Twilio has no id of ours; it comes along in the address of the callback.
        callback = dict(parse_qsl(urlsplit(form.get("StatusCallback", "")).query))
        accepted = self.accept(callback.get("message_id", ""), form["To"], form)
        return Reply(201, _shown(accepted))

    def refusal(self, refused: Refused) -> Reply:
        body = {
            "code": int(refused.code),
            "message": refused.message,
            "more_info": f"https://www.twilio.com/docs/errors/{refused.code}",
            "status": refused.status,
        }
        return Reply(refused.status, body)

    def failure(self) -> Refused:
        return Refused(503, "20503", "Service unavailable")

    def throttling(self) -> Refused:
        return Refused(429, "20429", "Too many requests")

    def receipt(self, message: Message, *, delivered: bool, callback: str) -> Push:
        form = {
            "SmsSid": message.provider_id,
            "MessageSid": message.provider_id,
            "MessageStatus": "delivered" if delivered else "failed",
            "To": message.to,
            "From": SENDER,
            "AccountSid": ACCOUNT,
            **({} if delivered else {"ErrorCode": "21610"}),
        }
        url = f"{callback}?message_id={message.id}"
        text = url + "".join(name + form[name] for name in sorted(form))
        mac = hmac.new(TOKEN.encode(), text.encode(), hashlib.sha1)
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Twilio-Signature": base64.b64encode(mac.digest()).decode(),
        }
        return Push(url, headers, urlencode(form).encode())


def _shown(message: Message) -> dict[str, Any]:
    failed = message.outcome == "failed"
    return {
        "sid": message.provider_id,
        "status": "queued" if message.outcome == "waiting" else message.outcome,
        "to": message.to,
        "from": message.fields.get("From"),
        "body": message.fields["Body"],
        "num_segments": "1",
        "direction": "outbound-api",
        "date_created": formatdate(message.at, usegmt=False).replace("-0000", "+0000"),
        "error_code": 21610 if failed else None,
        "error_message": None,
        "price": None,
        "uri": f"{_ROOT}/{message.provider_id}.json",
        "account_sid": ACCOUNT,
    }
