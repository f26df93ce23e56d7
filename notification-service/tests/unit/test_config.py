"""Settings that cannot work are told before anything starts."""

import pytest

from chassis.config import ConfigError
from notification_service.config import Config

ENOUGH = {
    "DATABASE_URL": "postgresql+psycopg2://host/db",
    "REDIS_URL": "redis://host",
    "SECRET_KEY": "secret",
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEFAULT_LOCALE", "fr"),
        ("QUIET_HOURS", "late"),
        ("QUIET_ZONE", "Mars/Base"),
        ("SMS_PROVIDERS", ","),
        ("SMS_PROVIDERS", "notification_service.providers.nobody:Provider"),
        ("SMS_PROVIDERS", "notification_service.providers.aliyun:AliyunProvider"),
        ("MAIL_TRANSPORT", "notification_service.mail.nobody:Transport"),
        ("TEMPLATES_PATH", "/nowhere"),
        ("DELIVERY_THREADS", "0"),
        ("SMS_DEFAULT_REGION", "Cathay"),
    ],
)
def test_setting_that_cannot_work_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Config.from_env({**ENOUGH, name: value})

    (problem,) = caught.value.problems
    assert problem.startswith(name[:5])


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        ({"DELIVERY_LEASE": "30.1", "SMS_READ_TIMEOUT": "27.1", "SMTP_TIMEOUT": "10.2"}, 2),
        ({"DELIVERY_LEASE": "13", "SMTP_DATA_TIMEOUT": "1"}, 1),
        ({"SMTP_TIMEOUT": "25"}, 1),
        ({"DELIVERY_LEASE": "30.1"}, 0),
    ],
)
def test_a_claim_lasts_longer_than_any_call(changes: dict[str, str], problems: int) -> None:
    if not problems:
        Config.from_env({**ENOUGH, **changes})
        return
    with pytest.raises(ConfigError) as caught:
        Config.from_env({**ENOUGH, **changes})

    starts = [one.partition(" must be longer than ")[0] for one in caught.value.problems]
    assert starts == ["DELIVERY_LEASE"] * problems


def test_nothing_but_the_common_settings_is_needed() -> None:
    config = Config.from_env(ENOUGH)

    assert config.sms_providers == ("notification_service.providers.console:ConsoleProvider",)


def test_production_needs_to_be_told_who_sends() -> None:
    with pytest.raises(ConfigError) as caught:
        Config.from_env({**ENOUGH, "PLATFORM_ENV": "production", "PUBLIC_URL": "ftp://x"})

    assert [one.split()[0] for one in caught.value.problems] == ["PUBLIC_URL"]
