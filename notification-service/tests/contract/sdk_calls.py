"""Sends with an official SDK, and prints as JSON what it returned: `sdk_calls.py NAME HOST:PORT`.

Run by test_sdks.py in a process that sees the SDKs and nothing of ours. The keys are those of the
verifying servers.
"""

import json
import sys
from typing import Any

NUMBER = "+8613812345678"
PARAMS = {"code": "734512", "name": "O'Neill & Söhne + 100%*~"}
SIGN_NAME = "阿里云 测试*~"


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def aliyun(address: str, signature: str) -> dict[str, Any]:
    from alibabacloud_dysmsapi20170525 import models
    from alibabacloud_dysmsapi20170525.client import Client
    from alibabacloud_tea_openapi.models import Config

    config = Config(
        access_key_id="LTAI-verifying",
        access_key_secret="aliyun-verifying-secret",
        endpoint=address,
        protocol="http",
        connect_timeout=3000,
        read_timeout=5000,
    )
    if signature == "v2":
        config.signature_algorithm = "v2"
    client = Client(config)
    request = models.SendSmsRequest(
        phone_numbers=NUMBER.removeprefix("+86"),
        sign_name=SIGN_NAME,
        template_code="SMS_71390007",
        template_param=_compact(PARAMS),
        out_id="from-the-sdk",
    )
    sent = client.send_sms(request).body
    question = models.QuerySendDetailsRequest(
        phone_number=NUMBER.removeprefix("+86"),
        biz_id=sent.biz_id,
        send_date=sys.argv[3],
        page_size=10,
        current_page=1,
    )
    (found,) = client.query_send_details(question).body.sms_send_detail_dtos.sms_send_detail_dto
    return {"code": sent.code, "id": sent.biz_id, "found": found.out_id}


def huawei(address: str) -> dict[str, Any]:
    from huaweicloudsdksmsapi.v1 import BatchSendSmsRequest, BatchSendSmsRequestBody, SMSApiClient
    from huaweicloudsdksmsapi.v1.smsapi_credentials import SMSApiCredentials

    credentials = SMSApiCredentials("huawei-verifying-key", "huawei-verifying-secret")
    builder = SMSApiClient.new_builder().with_credentials(credentials)
    client = builder.with_endpoints([f"http://{address}"]).build()
    body = BatchSendSmsRequestBody(
        _from="8821000000001",
        to=NUMBER,
        template_id="SMS_71390007",
        template_paras=_compact(list(PARAMS.values())),
        extend="from-the-sdk",
        signature=SIGN_NAME,
    )
    sent = client.batch_send_sms(BatchSendSmsRequest(body))
    return {"code": sent.code, "id": sent.result[0].sms_msg_id, "found": "from-the-sdk"}


def tencent(address: str) -> dict[str, Any]:
    from tencentcloud.common.credential import Credential
    from tencentcloud.common.profile.client_profile import ClientProfile
    from tencentcloud.common.profile.http_profile import HttpProfile
    from tencentcloud.sms.v20210111 import models
    from tencentcloud.sms.v20210111.sms_client import SmsClient

    profile = ClientProfile(httpProfile=HttpProfile(protocol="http", endpoint=address))
    credential = Credential("AKIDverifying", "tencent-verifying-secret")
    client = SmsClient(credential, "ap-guangzhou", profile)
    request = models.SendSmsRequest()
    request.PhoneNumberSet = [NUMBER]
    request.SmsSdkAppId = "1400000001"
    request.TemplateId = "SMS_71390007"
    request.SignName = SIGN_NAME
    request.TemplateParamSet = list(PARAMS.values())
    request.SessionContext = "from-the-sdk"
    (sent,) = client.SendSms(request).SendStatusSet
    return {"code": sent.Code, "id": sent.SerialNo, "found": sent.SessionContext}


def twilio(address: str) -> dict[str, Any]:
    from twilio.rest import Client

    client = Client("AC" + "0" * 32, "twilio-verifying-token")
    client.api.base_url = f"http://{address}"
    sent = client.messages.create(
        to="+15005550010",
        from_="+15005550006",
        body=f"{SIGN_NAME} {PARAMS['name']}",
        status_callback="https://shop.example/receipts?message_id=from-the-sdk",
    )
    found = client.messages(sent.sid).fetch()
    return {"code": sent.status, "id": sent.sid, "found": found.body}


def main() -> None:
    name, _, signature = sys.argv[1].partition("-")
    address = sys.argv[2]
    if name == "aliyun":
        told = aliyun(address, signature)
    else:
        told = {"huawei": huawei, "tencent": tencent, "twilio": twilio}[name](address)
    print(json.dumps(told, ensure_ascii=False))


if __name__ == "__main__":
    main()
