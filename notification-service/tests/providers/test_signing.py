"""The signers give what the providers' documents and libraries publish."""

from datetime import UTC, datetime

from notification_service.providers.signing import acs3, aliyun_v2, tc3, twilio, wsse


def test_acs3_signs_as_the_documented_example() -> None:
    query = acs3.canonical_query(
        {
            "RegionId": "cn-shanghai",
            "ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd",
        }
    )

    headers = acs3.signed_headers(
        key_id="YourAccessKeyId",
        secret="YourAccessKeySecret",
        host="ecs.cn-shanghai.aliyuncs.com",
        action="RunInstances",
        version="2014-05-26",
        query=query,
        now=datetime(2023, 10, 26, 10, 22, 32, tzinfo=UTC),
        nonce="3156853299f313e23d1673dc12e1703d",
    )

    assert headers["Authorization"] == (
        "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,"
        "SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;"
        "x-acs-signature-nonce;x-acs-version,"
        "Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    )


def test_aliyun_v2_signs_as_the_documented_example() -> None:
    signed = aliyun_v2.signed_parameters(
        {
            "Action": "SendSms",
            "Version": "2017-05-25",
            "Format": "XML",
            "OutId": "123",
            "PhoneNumbers": "15300000001",
            "RegionId": "cn-hangzhou",
            "SignName": "阿里云短信测试专用",
            "TemplateCode": "SMS_71390007",
            "TemplateParam": '{"customer":"test"}',
        },
        key_id="testId",
        secret="testSecret",
        now=datetime(2017, 7, 12, 2, 42, 19, tzinfo=UTC),
        nonce="45e25e9b-0a6f-4070-8c85-2956eda1b466",
        method="GET",
    )

    assert signed["Signature"] == "zJDF+Lrzhj/ThnlvIToysFRq6t4="


def test_aliyun_encodes_by_rfc_3986() -> None:
    assert acs3.canonical_query({"b": "a b*~+/=", "a": "é"}) == "a=%C3%A9&b=a%20b%2A~%2B%2F%3D"


def test_tc3_signs_as_the_documented_example() -> None:
    body = (
        rb'{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}'
    )

    header = tc3.authorization(
        secret_id="AKIDz8krbsJ5yKBZQpn74WFkmLPx3*******",
        secret_key="Gu5t9xGARNpq86cd98joQYCN3*******",
        host="cvm.tencentcloudapi.com",
        service="cvm",
        body=body,
        now=datetime.fromtimestamp(1551113065, UTC),
    )

    assert header == (
        "TC3-HMAC-SHA256 "
        "Credential=AKIDz8krbsJ5yKBZQpn74WFkmLPx3*******/2019-02-25/cvm/tc3_request, "
        "SignedHeaders=content-type;host, "
        "Signature=2230eefd229f582d8b1b891af7107b91597240707d778ab3738f756258d7652c"
    )


def test_wsse_takes_the_hexadecimal_digest_as_the_vendors_samples_do() -> None:
    headers = wsse.signed_headers(
        app_key="c8RWg3ggEcyd4D3p94bf3Y7x1Ile",
        app_secret="q4Ii87BhST9vcs8wvrzN80SfD7Al",
        now=datetime(2018, 5, 4, 11, 40, 3, tzinfo=UTC),
        nonce="66c92b11ff8a425fb8d4ccfe0ed9ed1f",
    )

    # SHA-256 of nonce, time and secret in one, by sha256sum, then base64 of its text.
    digest = (
        "ZGEyMjU4YTUxNzMzMmFiN2VjYTU4MGFhN2RhMjc2MTAyNDU2N2UzNDMwYmZlNDU5OWZlMjE2MDcyM2RlM2E3Zg=="
    )
    assert headers == {
        "Authorization": 'WSSE realm="SDP",profile="UsernameToken",type="Appkey"',
        "X-WSSE": (
            'UsernameToken Username="c8RWg3ggEcyd4D3p94bf3Y7x1Ile",'
            f'PasswordDigest="{digest}",'
            'Nonce="66c92b11ff8a425fb8d4ccfe0ed9ed1f",Created="2018-05-04T11:40:03Z"'
        ),
    }


FORM = {
    "CallSid": ["CA1234567890ABCDE"],
    "Caller": ["+14158675309"],
    "Digits": ["1234"],
    "From": ["+14158675309"],
    "To": ["+18005551212"],
}
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
SIGNATURE = "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def test_twilio_signs_as_the_documented_example() -> None:
    assert twilio.signature("12345", URL, FORM) == SIGNATURE


def test_twilio_may_have_signed_the_port_or_not() -> None:
    with_port = "https://mycompany.com:443/myapp.php?foo=1&bar=2"

    assert twilio.matches(SIGNATURE, "12345", with_port, FORM)
    assert twilio.matches(twilio.signature("12345", with_port, FORM), "12345", URL, FORM)
    assert not twilio.matches(SIGNATURE, "12345", URL.replace(".com", ".com:8443"), {})


def test_twilio_matches_neither_another_secret_nor_another_algorithm() -> None:
    newer = twilio.signature("12345", URL, FORM, "HMAC_SHA256")

    assert twilio.matches(newer, "12345", URL, FORM, "HMAC_SHA256")
    assert not twilio.matches(newer, "12345", URL, FORM)
    assert not twilio.matches(newer, "12345", URL, FORM, "NONE")
    assert not twilio.matches(SIGNATURE, "12346", URL, FORM)
    assert not twilio.matches("é", "12345", URL, FORM)
