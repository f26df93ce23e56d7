"""Tokens that are refused before they expire; and what happens while Redis is away."""

import time
from typing import Any
from uuid import uuid4

import pytest
from demo_service import create_app
from flask import Flask
from flask.testing import FlaskClient

from chassis.auth import KEY_SET
from chassis.denylist import current_denylist, deny_subject, deny_token


def status(client: FlaskClient, token: str) -> tuple[int, str]:
    answer = client.get("/api/demo/me", headers={"Authorization": f"Bearer {token}"})
    return answer.status_code, answer.json.get("code", "ok")


def test_a_denied_token_is_refused_and_others_are_not(
    app: Flask, client: FlaskClient, token: Any
) -> None:
    jti, user = str(uuid4()), uuid4()
    denied, other = token(user, jti=jti), token(user)
    assert status(client, denied) == (200, "ok")
    with app.app_context():
        deny_token(jti, 60)
    assert status(client, denied) == (401, "token_revoked")
    assert status(client, other) == (200, "ok")


def test_a_denied_subject_keeps_only_tokens_made_later(
    app: Flask, client: FlaskClient, token: Any
) -> None:
    user = uuid4()
    now = int(time.time() * 1000)
    with app.app_context():
        deny_subject(user)
    assert status(client, token(user, iat_ms=now - 1)) == (401, "token_revoked")
    assert status(client, token(user, iat_ms=now + 60_000)) == (200, "ok")
    assert status(client, token(uuid4())) == (200, "ok")


def test_a_denied_token_is_forgotten_when_it_could_not_be_used_anyway(
    app: Flask, redis_url: str
) -> None:
    import redis

    jti = str(uuid4())
    with app.app_context():
        deny_token(jti, 60)
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        assert 0 < client.ttl(f"deny:jti:{jti}") <= 60


@pytest.fixture
def orphan(services: Any, service: str, closed_port: int, app: Flask) -> Flask:
    """An app whose Redis is away, with the keys of the others."""
    config = services.config(service, redis_url=f"redis://:s3cret@127.0.0.1:{closed_port}/0")
    made: Flask = create_app(config)
    made.extensions[KEY_SET] = app.extensions[KEY_SET]
    return made


def test_while_redis_is_away_tokens_pass_until_they_expire(
    orphan: Flask, token: Any, caplog: pytest.LogCaptureFixture
) -> None:
    client = orphan.test_client()
    assert [status(client, token()) for _ in range(3)] == [(200, "ok")] * 3
    assert status(client, token(exp=1, iat=0)) == (401, "token_expired")
    # One warning a second, not one a request; and no password in it.
    warnings = [record for record in caplog.records if "denylist" in record.message]
    assert len(warnings) == 1 and "s3cret" not in caplog.text


def test_denying_while_redis_is_away_does_not_fail(
    orphan: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    with orphan.app_context():
        deny_token("jti", 60)
        assert current_denylist().denied("jti", "sub", 0) is False
    assert "denylist not written" in caplog.text
