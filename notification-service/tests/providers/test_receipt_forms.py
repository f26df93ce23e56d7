"""Receipts by the examples of the providers' documents."""

import json
from datetime import UTC, datetime

import pytest

from notification_service.providers.aliyun import AliyunProvider
from notification_service.providers.console import ConsoleProvider
from notification_service.providers.exchange import Endpoint
from notification_service.providers.huawei import HuaweiProvider
from notification_service.providers.port import ErrorClass, Receipt, ReceiptRefused
from notification_service.providers.tencent import TencentProvider
from notification_service.providers.twilio import TwilioProvider

NOWHERE = Endpoint("http://127.0.0.1:9")
ALIYUN = AliyunProvider("id", "secret", NOWHERE)
HUAWEI = HuaweiProvider("key", "secret", NOWHERE, sender="1", callback="")
TENCENT = TencentProvider("id", "key", NOWHERE, app_id="1", region="ap-guangzhou")
CALLBACK = "https://shop.example/receipts/twilio"
TWILIO = TwilioProvider("AC0", "token", NOWHERE, sender="+15005550006", callback=CALLBACK)


def test_aliyun_pushes_several_receipts_in_china_time() -> None:
    entries = [
        {
            "phone_number": "13900000001",
            "send_time": "2017-01-01 11:12:13",
            "report_time": "2017-02-02 22:23:24",
            "success": True,
            "err_code": "DELIVERED",
            "err_msg": "用户接收成功",
            "sms_size": "1",
            "biz_id": "12345",
            "out_id": "67890",
        },
        {"phone_number": "85261234567", "success": False, "err_code": "NO_ROUTE", "biz_id": "6"},
    ]

    first, second = ALIYUN.read_receipts({}, json.dumps(entries).encode(), "")

    assert first == Receipt(
        provider_id="12345",
        receiver="+8613900000001",
        state="delivered",
        code="DELIVERED",
        at=datetime(2017, 2, 2, 14, 23, 24, tzinfo=UTC),
        message_id="67890",
    )
    assert (second.receiver, second.state, second.message_id) == ("+85261234567", "failed", None)
    assert (second.at, second.kind) == (None, None)


@pytest.mark.parametrize(
    ("status", "state", "kind"),
    [
        ("DELIVRD", "delivered", None),
        ("EXPIRED", "expired", None),
        ("UNKNOWN", "unknown", None),
        ("ACCEPTD", "sent", None),
        ("UNDELIV", "failed", None),
        ("MILIMIT", "failed", ErrorClass.THROTTLED_NUMBER),
        ("BLACK", "failed", ErrorClass.SUPPRESSED),
        ("KEYWORD", "failed", ErrorClass.CONFIGURATION),
    ],
)
def test_huaweis_status_reports(status: str, state: str, kind: ErrorClass | None) -> None:
    body = (
        "sequence=1&total=1&orgCode=000&updateTime=2018-04-13T06%3A31%3A46Z&source=2"
        f"&smsMsgId=b9d9b4fe-ad0e-4a2a-a2c7-445505b674ac_6&status={status}"
    )

    (receipt,) = HUAWEI.read_receipts({}, body.encode(), "")

    assert receipt == Receipt(
        provider_id="b9d9b4fe-ad0e-4a2a-a2c7-445505b674ac_6",
        receiver=None,
        state=state,  # type: ignore[arg-type]
        code=status,
        at=datetime(2018, 4, 13, 6, 31, 46, tzinfo=UTC),
        kind=kind,
    )


def test_huawei_reports_each_part_of_a_long_message() -> None:
    body = b"smsMsgId=a_1&status=DELIVRD&total=3&sequence=2&extend=our-id&to=%2B8613812345678"

    (receipt,) = HUAWEI.read_receipts({}, body, "")

    assert (receipt.part, receipt.message_id) == ((2, 3), "our-id")
    assert receipt.receiver == "+8613812345678"


def test_tencents_callback_is_in_china_time() -> None:
    entry = {
        "user_receive_time": "2015-10-17 08:03:04",
        "nationcode": "86",
        "mobile": "13812345678",
        "report_status": "SUCCESS",
        "errmsg": "DELIVRD",
        "description": "用户短信送达成功",
        "sid": "xxxxxxx",
    }

    (receipt,) = TENCENT.read_receipts({}, json.dumps([entry]).encode(), "")

    assert receipt == Receipt(
        provider_id="xxxxxxx",
        receiver="+8613812345678",
        state="delivered",
        code="DELIVRD",
        at=datetime(2015, 10, 17, 0, 3, 4, tzinfo=UTC),
    )


def test_tencents_callback_with_a_status_of_its_own_is_refused() -> None:
    entry = {"nationcode": "86", "mobile": "1", "report_status": "MAYBE", "sid": "1"}

    with pytest.raises(ReceiptRefused):
        TENCENT.read_receipts({}, json.dumps([entry]).encode(), "")


def test_a_shared_key_of_twilio_signs_with_its_own_secret() -> None:
    body = b"MessageSid=SM1&MessageStatus=undelivered&To=%2B15005550010&ErrorCode=30008"
    headers = {
        # From twilio.request_validator.RequestValidator("shared").compute_signature(url, form,
        # "HMAC_SHA256") of the official library.
        "X-Twilio-Signature": "DrwnR/rDDG4msGe9iGazCRmYtapgki9iu7h2nHZAtVA=",
        "X-Twilio-Webhooks-Signature-Settings": "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256",
    }
    sharing = TwilioProvider(
        "AC0", "token", NOWHERE, sender="+1", callback=CALLBACK, webhook_secret="shared"
    )
    url = "http://inside:5005/receipts/twilio?message_id=our-id"

    (receipt,) = sharing.read_receipts(headers, body, url)

    assert receipt == Receipt(
        provider_id="SM1",
        receiver="+15005550010",
        state="failed",
        code="30008",
        message_id="our-id",
        kind=ErrorClass.UNKNOWN,
    )
    with pytest.raises(ReceiptRefused):
        TWILIO.read_receipts(headers, body, url)


def test_fields_that_no_database_takes_are_refused() -> None:
    for value in ("\0", "x" * 257):
        entry = {"success": True, "phone_number": "13900000001", "biz_id": value}
        with pytest.raises(ReceiptRefused):
            ALIYUN.read_receipts({}, json.dumps([entry]).encode(), "")


def test_the_console_gets_no_receipts() -> None:
    with pytest.raises(ReceiptRefused):
        ConsoleProvider().read_receipts({}, b"[]", "")
