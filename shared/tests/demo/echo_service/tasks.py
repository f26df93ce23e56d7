"""Tasks that leave a trace in the database."""

import threading
from collections.abc import Callable

from flask import Flask
from sqlalchemy import text

from chassis.database import transaction
from chassis.tasks import Periodic, create_celery
from echo_service.models import hear

celery = create_celery("echo")


@celery.task(name="echo.note")
def note(what: str) -> None:
    with transaction() as session:
        hear(session, f"task {what}")


@celery.task(name="echo.slow")
def slow(seconds: float) -> None:
    with transaction() as session:
        hear(session, "slow begins")
    with transaction() as session:
        session.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": seconds})
        hear(session, "slow ends")


@celery.task(name="echo.tick")
def tick() -> None:
    with transaction() as session:
        hear(session, "tick")


def listen(app: Flask, stop: threading.Event, beat: Callable[[], None]) -> None:
    with app.app_context(), transaction() as session:
        hear(session, "part listens")
    while not stop.wait(0.1):
        beat()


PARTS = {"listening": listen}
SCHEDULE = [Periodic("echo.tick", every=0.5)]
