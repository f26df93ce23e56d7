import pytest

from chassis.config import ConfigError
from user_service.config import Config

NEEDED = {
    "DATABASE_URL": "postgresql+psycopg2://localhost/users",
    "REDIS_URL": "redis://localhost",
    "SECRET_KEY": "secret",
}


def test_the_defaults_are_valid():
    config = Config.from_env(NEEDED)

    assert (config.password_min_length, config.refresh_token_seconds) == (8, 30 * 86400)
    assert config.admin_email == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PASSWORD_MIN_LENGTH", "7"),
        ("PASSWORD_MIN_LENGTH", "129"),
        ("KEY_PUBLISH_SECONDS", "300"),
        ("KEY_ROTATION_SECONDS", "900"),
        ("HASH_CONCURRENCY", "0"),
        ("LOGIN_ACCOUNT_LIMIT", "0"),
        ("LOGIN_ADDRESS_LIMIT", "0"),
        ("REFRESH_TOKEN_SECONDS", "60"),
        ("PROXY_HOPS", "-1"),
        ("ADMIN_EMAIL", "root@example.com"),
    ],
)
def test_a_value_that_cannot_work_is_named(name, value):
    with pytest.raises(ConfigError, match=name):
        Config.from_env({**NEEDED, name: value})


@pytest.mark.parametrize(
    ("email", "password", "problem"),
    [
        ("root", "a long first password", "ADMIN_EMAIL is not an e-mail address"),
        ("root@example.com", "admin", "ADMIN_PASSWORD Must have 8 to 128 characters"),
        ("root@example.com", "admin123", "ADMIN_PASSWORD Is among the most used passwords"),
    ],
)
def test_an_administrator_that_could_not_be_made_is_named(email, password, problem):
    with pytest.raises(ConfigError) as refusal:
        Config.from_env({**NEEDED, "ADMIN_EMAIL": email, "ADMIN_PASSWORD": password})

    assert refusal.value.problems == [problem]


def test_the_administrators_password_may_come_as_a_file(tmp_path):
    path = tmp_path / "password"
    path.write_text("a long first password\n")

    config = Config.from_env(
        {**NEEDED, "ADMIN_EMAIL": "root@example.com", "ADMIN_PASSWORD_FILE": str(path)}
    )

    assert config.admin_password == "a long first password"
    assert "a long first password" not in repr(config)
