"""Providers by configuration: all problems at once, nothing secret shown."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from notification_service.providers import load_providers
from notification_service.providers.console import ConsoleProvider
from notification_service.providers.exchange import Endpoint
from notification_service.providers.port import (
    ErrorClass,
    NotSupported,
    ProviderError,
    ProviderTemplate,
    Sms,
)

PACKAGE = "notification_service.providers"
SMS = Sms(
    id=uuid4(),
    to="+8613812345678",
    text="Hello",
    template=ProviderTemplate(variables=("second", "first")),
    params={"first": "1", "second": "2", "third": "3"},
)


def test_all_problems_of_all_providers_are_told_at_once() -> None:
    paths = [
        f"{PACKAGE}.aliyun:AliyunProvider",
        f"{PACKAGE}.huawei:HuaweiProvider",
        f"{PACKAGE}.console:ConsoleProvider",
        f"{PACKAGE}.carrier_pigeon:PigeonProvider",
    ]
    settings = {
        "ALIYUN_ACCESS_KEY_ID": "id",
        "HUAWEI_APP_KEY": "key",
        "HUAWEI_APP_SECRET": "a secret\n",
        "HUAWEI_SMS_ENDPOINT": "https://smsapi.example",
    }

    with pytest.raises(ValueError, match="ALIYUN_ACCESS_KEY_SECRET is missing") as caught:
        load_providers(paths, settings)

    told = str(caught.value)
    assert "ALIYUN_SMS_ENDPOINT is missing" in told
    assert "HUAWEI_APP_SECRET must be printable ASCII without spaces" in told
    assert "No module named" in told
    assert "a secret" not in told


def test_providers_come_in_the_order_of_preference() -> None:
    settings = {
        "TWILIO_ACCOUNT_SID": "AC0",
        "TWILIO_AUTH_TOKEN": "token",
        "TWILIO_FROM": "MG0",
        "TWILIO_ENDPOINT": "https://api.twilio.com",
    }
    paths = [f"{PACKAGE}.twilio:TwilioProvider", f"{PACKAGE}.console:ConsoleProvider"]

    assert [one.name for one in load_providers(paths, settings)] == ["twilio", "console"]


@pytest.mark.parametrize(
    "url", ["sms.example", "ftp://sms.example", "https://sms.example/v1", "https://u@sms.example"]
)
def test_an_endpoint_is_a_url_without_path(url: str) -> None:
    with pytest.raises(ValueError, match="endpoint"):
        Endpoint.from_settings({}, url)


def test_the_host_that_is_signed_has_its_port_only_where_it_is_not_the_default() -> None:
    assert Endpoint("https://sms.example:443").host == "sms.example"
    assert Endpoint("http://127.0.0.1:8443").host == "127.0.0.1:8443"


def test_values_come_in_the_order_of_the_template() -> None:
    assert SMS.values() == ["2", "1"]


def test_a_missing_value_is_an_error_of_ours() -> None:
    incomplete = Sms(id=SMS.id, to=SMS.to, text="", template=SMS.template, params={"first": "1"})

    with pytest.raises(ProviderError, match="no value for second") as caught:
        incomplete.values()

    assert (caught.value.kind, caught.value.code) == (ErrorClass.CONFIGURATION, "missing_params")


def test_the_console_calls_every_message_delivered_and_logs_no_content(
    caplog: pytest.LogCaptureFixture,
) -> None:
    console = ConsoleProvider()

    with caplog.at_level("DEBUG"):
        submitted = console.send(SMS)

    logged = " ".join(str(vars(record)) for record in caplog.records)
    assert SMS.to not in logged and SMS.text not in logged
    assert (submitted.provider_id, submitted.state) == (f"console-{SMS.id}", "delivered")
    with pytest.raises(NotSupported):
        console.look_up(SMS, None, datetime.now(UTC))
