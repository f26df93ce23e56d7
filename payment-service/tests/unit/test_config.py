"""Settings that contradict each other are refused at the start."""

import pytest

from chassis.config import ConfigError
from payment_service.config import Config
from payment_service.providers import warn_of_sandbox

COMPLETE = {
    "DATABASE_URL": "postgresql+psycopg2://db/payments",
    "REDIS_URL": "redis://cache",
    "SECRET_KEY": "key",
}


def test_lease_must_outlast_the_provider_and_grace_the_lease() -> None:
    with pytest.raises(ConfigError) as caught:
        Config.from_env({**COMPLETE, "PAYMENT_LEASE": "5", "PAYMENT_UNKNOWN_GRACE": "4"})

    assert caught.value.problems == [
        "PAYMENT_LEASE must be longer than PAYMENT_PROVIDER_TIMEOUT",
        "PAYMENT_UNKNOWN_GRACE must not be shorter than PAYMENT_LEASE",
    ]


def test_webhook_secret_has_no_default_in_production() -> None:
    with pytest.raises(ConfigError, match="SANDBOX_WEBHOOK_SECRET is missing"):
        Config.from_env({**COMPLETE, "PLATFORM_ENV": "production"})


def test_webhook_secret_is_not_shown() -> None:
    config = Config.from_env({**COMPLETE, "SANDBOX_WEBHOOK_SECRET": "whsec_hidden"})

    assert config.sandbox_webhook_secret == "whsec_hidden"
    assert "whsec_hidden" not in repr(config)


@pytest.mark.parametrize(
    ("changes", "warnings"),
    [
        ({"PLATFORM_ENV": "production"}, 1),
        ({"PLATFORM_ENV": "production", "PAYMENT_PROVIDER": "shop.bank.Bank"}, 0),
        ({}, 0),
    ],
)
def test_production_is_warned_when_no_money_moves(
    changes: dict[str, str], warnings: int, caplog: pytest.LogCaptureFixture
) -> None:
    warn_of_sandbox(Config.from_env({**COMPLETE, "SANDBOX_WEBHOOK_SECRET": "whsec", **changes}))

    assert len([one for one in caplog.records if "no money moves" in one.message]) == warnings
