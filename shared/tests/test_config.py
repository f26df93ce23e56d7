"""Settings from the environment: everything wrong in one error, no secret ever shown."""

from dataclasses import FrozenInstanceError, dataclass, fields
from pathlib import Path

import pytest

from chassis.config import ConfigError, ServiceConfig, Settings, setting

GOOD = {
    "PLATFORM_ENV": "production",
    "DATABASE_URL": "postgresql+psycopg2://shop:s3cret@db/shop",
    "REDIS_URL": "redis://:s3cret@cache/0",
    "SECRET_KEY": "s3cret-key",
}


@dataclass(frozen=True, kw_only=True)
class ShopConfig(Settings):
    """A setting of every kind."""

    name: str = setting(doc="Demanded everywhere")
    limit: int = setting(5, "Has a default")
    ratio: float = setting(0.5)
    enabled: bool = setting(False)
    origins: tuple[str, ...] = setting((), "Separated by commas")
    webhook_key: str = setting(secret=True, development="known to everybody")


def problems(kind: type[Settings], environ: dict[str, str]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        kind.from_env(environ)
    assert str(caught.value) == "configuration: " + "; ".join(caught.value.problems)
    return caught.value.problems


def test_each_type_is_read() -> None:
    config = ShopConfig.from_env(
        {"NAME": "x", "LIMIT": "7", "RATIO": "1.5", "ENABLED": "Yes", "ORIGINS": "a, b,,c "}
    )
    found = (config.name, config.limit, config.ratio, config.enabled, config.origins)
    assert found == ("x", 7, 1.5, True, ("a", "b", "c"))


def test_defaults_fill_what_is_absent_or_empty() -> None:
    config = ShopConfig.from_env({"NAME": "x", "LIMIT": "", "ORIGINS": ""})
    assert (config.limit, config.enabled, config.origins) == (5, False, ())
    assert config.webhook_key == "known to everybody"


def test_a_development_default_is_none_in_production() -> None:
    environ = {"NAME": "x", "PLATFORM_ENV": "production"}
    assert problems(ShopConfig, environ) == ["WEBHOOK_KEY is missing"]


def test_all_problems_stand_in_one_error() -> None:
    environ = {"LIMIT": "five", "RATIO": "half", "ENABLED": "perhaps", "PLATFORM_ENV": "prod"}
    assert problems(ShopConfig, environ) == [
        "NAME is missing",
        "LIMIT is not a valid int",
        "RATIO is not a valid float",
        "ENABLED is not a valid bool",
        "PLATFORM_ENV must be development, testing or production",
    ]


def test_a_service_names_everything_missing_and_wrong() -> None:
    environ = {
        "PORT": "http",
        "LOG_FORMAT": "xml",
        "LOG_LEVEL": "LOUD",
        "WEB_THREADS": "0",
        "WORKER_PORT": "65536",
        "DATABASE_URL": "postgresql://db/shop",
    }
    assert sorted(problems(ServiceConfig, environ)) == [
        "DATABASE_URL must start with postgresql+psycopg2://",
        "LOG_FORMAT must be json or console",
        "LOG_LEVEL must be DEBUG, INFO, WARNING, ERROR or CRITICAL",
        "PORT is not a valid int",
        "REDIS_URL is missing",
        "SECRET_KEY is missing",
        "WEB_THREADS must be at least 1",
        "WORKER_PORT must be 0 to 65535",
    ]


def test_an_error_repeats_no_value() -> None:
    environ = {**GOOD, "PORT": "p4ssword", "DATABASE_URL": "mysql://root:p4ssword@db"}
    assert "p4ssword" not in str(problems(ServiceConfig, environ))


def test_no_secret_has_a_default_in_production() -> None:
    secrets = [spec for spec in fields(ServiceConfig) if spec.metadata["secret"]]
    assert {spec.name for spec in secrets} >= {"database_url", "redis_url", "secret_key"}
    missing = problems(ServiceConfig, {"PLATFORM_ENV": "production"})
    assert missing == ["DATABASE_URL is missing", "REDIS_URL is missing", "SECRET_KEY is missing"]


def test_no_secret_is_shown() -> None:
    config = ServiceConfig.from_env(GOOD)
    assert "s3cret" not in repr(config) and "s3cret" not in str(config)
    assert "platform_env='production'" in repr(config) and config.production


def test_a_setting_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from the file\n", encoding="utf-8")
    environ = {name: value for name, value in GOOD.items() if name != "SECRET_KEY"}
    environ["SECRET_KEY_FILE"] = str(tmp_path / "key")
    assert ServiceConfig.from_env(environ).secret_key == "from the file"
    environ["SECRET_KEY"] = "from the environment"
    assert ServiceConfig.from_env(environ).secret_key == "from the environment"


def test_a_file_that_is_not_there_is_a_problem_like_any_other(tmp_path: Path) -> None:
    environ = {**GOOD, "PORT": "x", "SECRET_KEY_FILE": str(tmp_path / "none")}
    del environ["SECRET_KEY"]
    named = {problem.split()[0] for problem in problems(ServiceConfig, environ)}
    assert named == {"SECRET_KEY", "PORT"}


def test_settings_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        ServiceConfig.from_env(GOOD).port = 1  # type: ignore[misc]


def test_the_broker_and_the_key_set_follow_from_others() -> None:
    config = ServiceConfig.from_env({**GOOD, "USERS_URL": "http://a:1,http://b:2"})
    assert config.effective_broker_url == "redis://:s3cret@cache/0"
    assert config.effective_jwks_url == "http://a:1/.well-known/jwks.json"
    other = ServiceConfig.from_env({**GOOD, "BROKER_URL": "amqp://b", "JWKS_URL": "http://k"})
    assert (other.effective_broker_url, other.effective_jwks_url) == ("amqp://b", "http://k")


def test_overrides_win_and_are_not_parsed() -> None:
    config = ServiceConfig.from_env({**GOOD, "PORT": "1"}, port=2, cors_origins=("a",))
    assert (config.port, config.cors_origins) == (2, ("a",))


@pytest.mark.parametrize("text", ["true", "TRUE", "1", "yes", "on", " on "])
def test_words_for_true(text: str) -> None:
    assert ShopConfig.from_env({"NAME": "x", "ENABLED": text}).enabled is True


@pytest.mark.parametrize("text", ["false", "0", "No", "off"])
def test_words_for_false(text: str) -> None:
    assert ShopConfig.from_env({"NAME": "x", "ENABLED": text}).enabled is False
