"""Idempotency-Key: one effect, one answer, whatever happens between them."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from demo_service.models import Widget
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from chassis.database import current_session, transaction
from chassis.idempotency import purge_expired
from chassis.messaging.tables import idempotency_keys

PATH = "/api/demo/orders"
Hook = Callable[[Callable[[], Any]], None]


@pytest.fixture
def order(auth: Any) -> Callable[..., Any]:
    """Order a widget: `order(client, key, name)`, always as the same user unless told."""
    mine = auth(uuid4())

    def post(client: FlaskClient, key: str | None = "k-1", name: str = "a", **more: Any) -> Any:
        headers = {**mine, **more.pop("headers", {})}
        if key is not None:
            headers["Idempotency-Key"] = key
        body = more or {"json": {"name": name}}
        return client.post(PATH, headers=headers, **body)

    return post


def count(client: FlaskClient) -> int:
    total: int = client.get("/api/demo/").json["meta"]["pagination"]["total"]
    return total


def test_the_same_request_gets_the_same_answer(client: FlaskClient, order: Any) -> None:
    first, second = order(client), order(client)
    assert (first.status_code, second.status_code) == (202, 202)
    assert second.data == first.data
    assert second.headers["Location"] == first.headers["Location"]
    assert second.headers["Content-Type"] == "application/json"
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.headers["X-Request-ID"] != first.headers["X-Request-ID"]
    assert count(client) == 1


def test_the_same_document_written_differently_is_the_same(client: FlaskClient, order: Any) -> None:
    kind = {"content_type": "application/json"}
    order(client, data='{"name": "a", "quantity": 1}', **kind)
    again = order(client, data=b'{ "quantity":1,\n"name":"\\u0061"}', **kind)
    assert again.headers["Idempotent-Replayed"] == "true"


def test_a_quoted_key_is_the_bare_key(client: FlaskClient, order: Any) -> None:
    order(client, "k-1")
    assert order(client, '"k-1"').headers["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize("path", [PATH + "?a=1", PATH])
def test_another_request_with_the_key_is_refused(
    client: FlaskClient, order: Any, auth: Any, path: str
) -> None:
    mine = auth(uuid4())
    headers = {**mine, "Idempotency-Key": "k"}
    client.post(PATH, json={"name": "a"}, headers=headers)
    body = {"name": "a"} if "?" in path else {"name": "b"}
    answer = client.post(path, json=body, headers=headers)
    assert (answer.status_code, answer.json["code"]) == (422, "idempotency_key_reused")
    assert count(client) == 1


def test_a_missing_key_is_refused(client: FlaskClient, order: Any) -> None:
    answer = order(client, None)
    assert (answer.status_code, answer.json["code"]) == (400, "idempotency_key_required")
    assert count(client) == 0


@pytest.mark.parametrize("key", ["", '""', "k" * 256, "schlüssel", "a\tb", " "])
def test_a_malformed_key_is_refused(client: FlaskClient, order: Any, key: str) -> None:
    answer = order(client, key)
    assert (answer.status_code, answer.json["code"]) == (400, "idempotency_key_invalid")
    assert count(client) == 0


def test_a_key_that_is_not_required_may_be_missing(client: FlaskClient) -> None:
    path = "/api/demo/donations"
    assert client.post(path, json={"name": "a"}).status_code == 201
    headers = {"Idempotency-Key": "k"}
    answers = [client.post(path, json={"name": "b"}, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert count(client) == 2


def test_keys_belong_to_their_caller(client: FlaskClient, order: Any, auth: Any) -> None:
    assert order(client, name="a").status_code == 202
    other = order(client, name="b", headers=auth(uuid4()))
    assert other.status_code == 202 and "Idempotent-Replayed" not in other.headers
    assert count(client) == 2


def test_an_unauthenticated_caller_learns_nothing_of_the_key(
    client: FlaskClient, order: Any
) -> None:
    order(client)
    answer = client.post(PATH, json={"name": "a"}, headers={"Idempotency-Key": "k-1"})
    assert answer.status_code == 401


def test_a_refused_request_does_not_use_up_its_key(
    client: FlaskClient, order: Any, session: Session
) -> None:
    client.post("/api/demo/", json={"name": "a"})
    assert order(client).status_code == 409
    with transaction():
        session.delete(session.scalars(select(Widget)).one())
    answer = order(client)
    assert answer.status_code == 202 and "Idempotent-Replayed" not in answer.headers


def test_an_invalid_body_does_not_use_up_its_key(client: FlaskClient, order: Any) -> None:
    assert order(client, name="").status_code == 422
    assert order(client, name="a").status_code == 202


def test_an_answer_is_kept_for_a_day(
    client: FlaskClient, order: Any, session: Session, clock: Any
) -> None:
    order(client)
    clock.move(24 * 3600 - 5)
    assert order(client).headers["Idempotent-Replayed"] == "true"
    with transaction():
        session.delete(session.scalars(select(Widget)).one())
    clock.move(10)
    answer = order(client)
    assert answer.status_code == 202 and "Idempotent-Replayed" not in answer.headers
    assert order(client).data == answer.data


def test_old_answers_are_purged(
    client: FlaskClient, order: Any, session: Session, clock: Any
) -> None:
    order(client, "k-1", "a")
    clock.move(24 * 3600 + 1)
    order(client, "k-2", "b")
    assert purge_expired(session.connection()) == 1
    assert session.scalars(select(idempotency_keys.c.key)).all() == ["k-2"]


def test_a_crash_before_the_commit_leaves_neither_effect_nor_answer(
    live_app: Flask, order: Any, before_commit: Hook
) -> None:
    def crash() -> None:
        current_session().execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    client = live_app.test_client()
    before_commit(crash)
    assert order(client).status_code == 503
    assert count(client) == 0
    before_commit(lambda: None)
    answers = order(client), order(client)
    assert [answer.status_code for answer in answers] == [202, 202]
    assert [answer.headers.get("Idempotent-Replayed") for answer in answers] == [None, "true"]
    assert count(client) == 1


def test_a_defect_leaves_neither_effect_nor_answer(
    client: FlaskClient, order: Any, before_commit: Hook
) -> None:
    def fail() -> None:
        raise RuntimeError("between the change and its commit")

    before_commit(fail)
    assert (order(client).status_code, count(client)) == (500, 0)
    before_commit(lambda: None)
    assert (order(client).status_code, count(client)) == (202, 1)


def test_a_request_in_flight_is_a_409_then_a_replay(
    live_app: Flask, order: Any, before_commit: Hook
) -> None:
    arrived, go_on = threading.Event(), threading.Event()
    before_commit(lambda: (arrived.set(), go_on.wait(10)))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(order, live_app.test_client())
        assert arrived.wait(10)
        second = order(live_app.test_client())
        go_on.set()
        assert first.result().status_code == 202
    assert (second.status_code, second.json["code"]) == (409, "idempotency_in_flight")
    assert second.headers["Retry-After"] == "1"
    assert order(live_app.test_client()).data == first.result().data
    assert count(live_app.test_client()) == 1


def test_of_many_at_once_one_has_the_effect(live_app: Flask, order: Any) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: order(live_app.test_client()), range(24)))
    assert {answer.status_code for answer in answers} <= {202, 409}
    made = [a for a in answers if a.status_code == 202 and "Idempotent-Replayed" not in a.headers]
    assert len(made) == 1
    with live_app.app_context(), transaction() as session:
        assert session.scalar(select(func.count()).select_from(Widget)) == 1
        assert session.scalar(select(func.count()).select_from(idempotency_keys)) == 1
