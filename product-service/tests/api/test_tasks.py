"""The worker's tasks, called as Celery calls them."""

import pytest
from sqlalchemy import select

from chassis.messaging.tables import outbox
from product_service import tasks
from product_service.services.reservations import STOCK_RELEASED

FILE = "sku,name,price_amount,currency,stock\nT-1,Cup,100,GBP,3\n"


@pytest.fixture
def job_id(client, staff):
    """Upload a file; returns the job's id."""
    answer = client.post("/api/products/imports", data=FILE, headers=staff, content_type="text/csv")
    return answer.json["data"]["id"]


def test_the_import_task_does_the_job(client, app, job_id):
    with app.app_context():
        tasks.run_import(job_id)
    [product] = client.get("/api/products").json["data"]
    assert (product["sku"], product["available"]) == ("T-1", 3)


def test_the_sweep_starts_a_forgotten_import_again(app, session, job_id, clock):
    def waiting():
        return len(session.execute(select(outbox.c.id).where(outbox.c.kind == "task")).all())

    with app.app_context():
        tasks.resume_imports()
        assert waiting() == 1
        clock.move(61)
        tasks.resume_imports()
        assert waiting() == 2
        tasks.run_import(job_id)
        clock.move(61)
        tasks.resume_imports()
        assert waiting() == 2


def test_the_sweep_task_returns_what_is_due(app, make_product, place, said, read, clock):
    cup = make_product(stock=5)
    for _ in range(5):
        place((cup, 1))
    clock.move(1_201)
    with app.app_context():
        tasks.expire_due_reservations()
    assert [kind for kind, _ in said()].count(STOCK_RELEASED) == 5
    assert read(cup)["reserved"] == 0


def test_every_scheduled_task_exists():
    assert {periodic.task for periodic in tasks.SCHEDULE} <= set(tasks.celery.tasks)
