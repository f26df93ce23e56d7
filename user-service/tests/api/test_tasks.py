from datetime import timedelta

import jwt
import pytest
import redis
from sqlalchemy import select

from chassis.database import transaction
from user_service import tasks as jobs
from user_service import wiring
from user_service.models import LoginSession, RefreshToken, SigningKey
from user_service.services import revocations

DAY = 86400


@pytest.fixture
def denials(app, redis_url):
    """What Redis holds against access tokens can be lost: forget it, as a restart would."""

    def forget(token):
        token_id = jwt.decode(token, options={"verify_signature": False})["jti"]
        with redis.Redis.from_url(redis_url) as client:
            assert client.delete(f"deny:jti:{token_id}") == 1

    return forget


def test_the_task_refuses_what_the_web_process_could_not(people, session, tasks, denials):
    account = people.register()
    people.send("POST", "/logout", headers=account.headers)
    denials(account.access_token)
    assert people.me(account).status_code == 200

    [(name, arguments)] = tasks()
    assert name == jobs.deny_tokens.name
    jobs.deny_tokens(**arguments)

    assert people.me(account).get_json()["code"] == "token_revoked"


def test_every_scheduled_job_is_a_task_of_the_service():
    names = {job.task for job in jobs.SCHEDULE} | {revocations.DENY_TOKENS_TASK}

    assert names <= set(jobs.celery.tasks)
    assert all(job.every > 0 for job in jobs.SCHEDULE)


def test_the_rotation_job_publishes_a_successor_when_it_is_due(people, session, clock):
    jobs.rotate_keys()
    assert len(session.scalars(select(SigningKey)).all()) == 1
    clock.move(30 * DAY)

    jobs.rotate_keys()
    jobs.rotate_keys()

    assert len(session.scalars(select(SigningKey)).all()) == 2
    wiring.ports().keyring.forget()


def test_expired_sessions_are_deleted_with_their_tokens_after_a_week(people, session, clock):
    account = people.register()
    people.refresh(account.refresh_token)
    clock.move(37 * DAY - 5)
    people.tokens(account.email)
    jobs.purge_sessions()
    assert len(session.scalars(select(LoginSession)).all()) == 2

    clock.move(10)
    jobs.purge_sessions()

    [left] = session.scalars(select(LoginSession)).all()
    assert left.expires_at - clock.now() > timedelta(days=29)
    with transaction():
        kept = session.scalars(select(RefreshToken.session_id)).all()
    assert kept == [left.id]
