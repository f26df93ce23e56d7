"""`Prefer: wait=N`: the answer waits for the final state, for a while."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from demo_service.models import Widget
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from chassis.database import current_session, transaction
from chassis.prefer import wait_seconds


def settle(app: Flask) -> int:
    """Finish what is pending; returns how many there were."""
    with app.app_context(), transaction() as session:
        change = update(Widget).where(Widget.status == "pending").values(status="done")
        rows: int = session.execute(change).rowcount  # type: ignore[attr-defined]
        return rows


def order(app: Flask, headers: dict[str, str]) -> Any:
    return app.test_client().post("/api/demo/orders", json={"name": "a"}, headers=headers)


def test_the_final_state_comes_with_a_200(
    live_app: Flask, auth: Any, eventually: Any, before_commit: Any
) -> None:
    # Who holds an object of the request must not see its old state for ever.
    held: list[Any] = []
    before_commit(lambda: held.extend(current_session().identity_map.values()))
    headers = {**auth(uuid4()), "Idempotency-Key": "k", "Prefer": "respond-async, wait=10"}
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(order, live_app, headers)
        eventually(lambda: settle(live_app) == 1)
        answer = waiting.result()
    assert (answer.status_code, answer.json["data"]["status"]) == (200, "done")
    assert answer.headers["Preference-Applied"] == "wait=10"
    assert answer.headers["Location"] == f"/api/demo/{answer.json['data']['id']}"
    assert "Idempotent-Replayed" not in answer.headers
    again = order(live_app, {**headers, "Prefer": "wait=99"})
    assert (again.status_code, again.json["data"]["status"]) == (200, "done")
    assert again.headers["Preference-Applied"] == "wait=10"
    assert again.headers["Idempotent-Replayed"] == "true"


def test_when_time_is_up_the_202_stays(app: Flask, auth: Any) -> None:
    answer = order(app, {**auth(), "Idempotency-Key": "k", "Prefer": "wait=1"})
    assert (answer.status_code, answer.json["data"]["status"]) == (202, "pending")
    assert answer.headers["Preference-Applied"] == "wait=1"
    assert answer.headers["Location"] == f"/api/demo/{answer.json['data']['id']}"


def test_without_the_preference_nobody_waits(client: FlaskClient, auth: Any) -> None:
    headers = {**auth(), "Idempotency-Key": "k"}
    answer = client.post("/api/demo/orders", json={"name": "a"}, headers=headers)
    assert answer.status_code == 202 and "Preference-Applied" not in answer.headers


def test_an_error_is_not_waited_for(client: FlaskClient, auth: Any) -> None:
    headers = {**auth(), "Idempotency-Key": "k", "Prefer": "wait=10"}
    answer = client.post("/api/demo/orders", json={"name": ""}, headers=headers)
    assert answer.status_code == 422 and "Preference-Applied" not in answer.headers


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("wait=5", 5),
        ("respond-async, wait=5", 5),
        ("wait = 5; foo", 5),
        ("wait=0", 0),
        ("wait=11", 10),
        ("wait=99999", 10),
        ("wait=-1", 0),
        ("wait=1.5", 0),
        ("wait=５", 0),
        ("await=5", 0),
        ("wait=five", 0),
        ("", 0),
    ],
)
def test_the_preference_is_read_strictly(app: Flask, header: str, seconds: int) -> None:
    with app.test_request_context(headers={"Prefer": header}):
        assert wait_seconds() == seconds
