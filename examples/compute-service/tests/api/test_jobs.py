"""Asking for a computation, waiting for it, and being told."""

from typing import Any

import pytest

from compute_service import tasks
from compute_service.services import jobs

Desk = Any


def test_job_is_accepted_with_its_url_and_done_by_the_worker(desk: Desk) -> None:
    response = desk.post()
    job = response.get_json()["data"]

    assert response.status_code == 202
    assert response.headers["Location"] == job["url"] == f"/api/compute/jobs/{job['id']}"
    assert (job["state"], job["progress"], job["result"]) == ("queued", 0, None)
    assert desk.job(job)["finished_at"] is None

    desk.work()

    done = desk.job(job)
    assert (done["state"], done["progress"], done["result"]) == ("done", 100, "3.5")
    assert (done["error"], done["finished_at"] is None) == (None, False)
    assert desk.mails() == [("Your computation is done", "7 ÷ 2 = 3.5")]


def test_division_by_zero_fails_the_job_and_is_told_by_mail(desk: Desk) -> None:
    job = desk.ask(other=0)
    desk.work()

    failed = desk.job(job)
    assert (failed["state"], failed["progress"], failed["result"]) == ("failed", 100, None)
    assert failed["error"] == {
        "code": "compute.division_by_zero",
        "message": "Nothing can be divided by zero",
    }
    told = ("Your computation failed", "7 ÷ 0: Nothing can be divided by zero")
    assert desk.mails() == [told]


def test_mail_goes_to_the_caller_with_a_key_of_its_job(desk: Desk) -> None:
    job = desk.ask()
    desk.work()

    (asked,) = desk.sent("notifications.send_email")
    assert asked["receivers"] == ["mei@example.com"]
    assert (asked["key"], asked["template"]) == (f"compute.job:{job['id']}", "notice")


def test_task_that_comes_twice_has_its_effect_once(desk: Desk) -> None:
    desk.ask()
    desk.work()
    desk.work()
    assert len(desk.mails()) == 1


def test_progress_is_seen_while_a_worker_has_the_job(desk: Desk, session: Any) -> None:
    job = desk.ask()
    jobs.start_job(session, job["id"])
    session.flush()
    assert (desk.job(job)["state"], desk.job(job)["progress"]) == ("running", 50)


def test_sweep_does_what_a_lost_task_left_undone(desk: Desk, clock: Any) -> None:
    job = desk.ask()
    desk.run(tasks.sweep)
    assert desk.job(job)["state"] == "queued"
    clock.move(61)
    desk.run(tasks.sweep)
    assert desk.job(job)["state"] == "done"
    assert len(desk.mails()) == 1


def test_same_key_gives_the_same_job(desk: Desk) -> None:
    first, second = (desk.post({"Idempotency-Key": "k1"}).get_json()["data"] for _ in range(2))
    assert first["id"] == second["id"]
    assert len(desk.sent("compute.run")) == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"operation": "pow"}, "operation"),
        ({"value": 1.5}, "value"),
        ({"value": "7"}, "value"),
        ({"other": 10**12 + 1}, "other"),
        ({"email": "mei"}, "email"),
        ({"email": "梅@example.com"}, "email"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_wrong_field_is_named_and_nothing_happens(desk: Desk, changes: Any, field: str) -> None:
    response = desk.post(**changes)
    assert response.status_code == 422
    assert [error["field"] for error in response.get_json()["errors"]] == [field]
    assert desk.sent("compute.run") == []


def test_jobs_are_seen_by_their_owner_and_staff_only(desk: Desk) -> None:
    job = desk.ask()
    assert desk.get(f"/jobs/{job['id']}", desk.stranger).get_json()["code"] == (
        "compute.job_not_found"
    )
    assert desk.get(f"/jobs/{job['id']}", desk.staff).status_code == 200
    assert desk.get("/jobs", desk.stranger).get_json()["data"] == []
    assert [one["id"] for one in desk.get("/jobs").get_json()["data"]] == [job["id"]]


def test_nobody_computes_without_signing_in(desk: Desk) -> None:
    response = desk.client.post("/api/compute", json={})
    assert response.status_code == 401
