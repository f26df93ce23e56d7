"""The Celery tasks, called as functions; that they arrive is the chassis' business."""

from typing import Any

from sqlalchemy import text

from chassis.database import transaction
from payment_service import tasks

Till = Any


def test_every_scheduled_task_and_every_enqueued_one_exists(till: Till) -> None:
    till.start(till.order())
    enqueued = till.rows("SELECT DISTINCT type FROM outbox WHERE kind = 'task'")

    names = {periodic.task for periodic in tasks.SCHEDULE} | {name for (name,) in enqueued}

    assert names == {"payments.execute", "payments.sweep", "payments.forget_webhooks"}
    assert names <= set(tasks.celery.tasks)


def test_execute_does_one_operation(till: Till) -> None:
    payment_id = till.start(till.order())
    [operation_id] = till.tasks()

    with till.app.app_context():
        tasks.execute(str(operation_id))
        tasks.execute(str(operation_id))

    assert till.status(payment_id) == "succeeded"
    assert till.charges(payment_id) == [(1999, 1999, 0)]


def test_sweep_does_what_was_left_and_never_runs_beside_itself(till: Till, clock: Any) -> None:
    payment_id = till.start(till.order())
    clock.move(3)
    with till.app.app_context():
        with tasks._sweeping:
            tasks.sweep()
        assert till.status(payment_id) == "processing"
        tasks.sweep()

    assert till.status(payment_id) == "succeeded"


def test_webhooks_are_forgotten_after_a_week(till: Till) -> None:
    week = "now() - n * interval '1 day'"
    with till.app.app_context():
        with transaction() as session:
            session.execute(
                text(
                    "INSERT INTO received_webhooks SELECT gen_random_uuid(), 'sandbox',"
                    f" 'evt_' || n, 't', {week}, now() FROM generate_series(6, 8) n"
                )
            )
        tasks.forget_webhooks()

    assert till.rows("SELECT webhook_id FROM received_webhooks") == [("evt_6",)]


def test_timing_follows_the_settings(till: Till) -> None:
    config = till.app.config["SETTINGS"]

    timing = tasks.timing(config)

    assert timing.lease.total_seconds() == config.payment_lease == 15
    assert timing.grace.total_seconds() == config.payment_unknown_grace == 30
    assert timing.lookup_interval.total_seconds() == config.payment_lookup_interval == 2
    assert timing.retry_limit == config.payment_retry_limit == 8
