"""The settings of all providers, each read by its own class from the names of the variables."""

from collections.abc import Mapping
from dataclasses import dataclass

from chassis.config import Settings, setting


@dataclass(frozen=True, kw_only=True)
class ProviderSettings(Settings):
    """What the service's settings hold for the providers; only those in use need theirs."""

    sms_connect_timeout: float = setting(3.0, "Seconds to connect to an SMS provider")
    sms_read_timeout: float = setting(
        10.0, "Seconds to wait for its answer; then the message is `unknown`"
    )
    aliyun_access_key_id: str = setting("", "Aliyun: access key")
    aliyun_access_key_secret: str = setting("", "Aliyun: its secret", secret=True)
    aliyun_sms_endpoint: str = setting("https://dysmsapi.aliyuncs.com", "Aliyun: where Dysmsapi is")
    aliyun_signature: str = setting("acs3", "Aliyun: signature, `acs3` or `v2`")
    huawei_app_key: str = setting("", "Huawei: APP_Key of the SMS application")
    huawei_app_secret: str = setting("", "Huawei: its APP_Secret", secret=True)
    huawei_sms_endpoint: str = setting(
        "https://smsapi.cn-north-4.myhuaweicloud.com", "Huawei: the application's access address"
    )
    huawei_sender: str = setting("", "Huawei: channel number of templates that name none")
    huawei_status_callback: str = setting("", "Huawei: public URL for receipts; empty: none")
    tencent_secret_id: str = setting("", "Tencent: SecretId")
    tencent_secret_key: str = setting("", "Tencent: SecretKey", secret=True)
    tencent_sms_app_id: str = setting("", "Tencent: SmsSdkAppId")
    tencent_sms_endpoint: str = setting("https://sms.tencentcloudapi.com", "Tencent: where SMS is")
    tencent_region: str = setting("ap-guangzhou", "Tencent: region")
    twilio_account_sid: str = setting("", "Twilio: account")
    twilio_auth_token: str = setting("", "Twilio: its token, also of receipts", secret=True)
    twilio_endpoint: str = setting("https://api.twilio.com", "Twilio: where its API is")
    twilio_from: str = setting("", "Twilio: sender's number, or the SID of a messaging service")
    twilio_status_callback: str = setting("", "Twilio: public URL for receipts; empty: none")
    twilio_webhook_secret: str = setting(
        "", "Twilio: secret of receipts that are signed with a shared key", secret=True
    )


def require(settings: Mapping[str, str], *names: str) -> list[str]:
    """Return the values of variables that a provider cannot do without.

    Raises ValueError naming all that are missing, or that no HTTP header can carry.
    """
    wrong = [f"{name} is missing" for name in names if not settings.get(name)]
    wrong += [
        f"{name} must be printable ASCII without spaces"
        for name in names
        if not all("!" <= character <= "~" for character in settings.get(name, ""))
    ]
    if wrong:
        raise ValueError("; ".join(wrong))
    return [settings[name] for name in names]
