"""A desk at which somebody asks for computations, and the worker that does them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from chassis.database import current_session
from chassis.messaging.tables import outbox
from compute_service import tasks

Data = dict[str, Any]
JOB: Data = {"operation": "div", "value": 7, "other": 2, "email": "mei@example.com"}


@pytest.fixture(scope="session")
def service() -> str:
    """The package under test."""
    return "compute_service"


@dataclass
class Desk:
    """One customer, a stranger, staff and the worker, on one app."""

    app: Flask
    client: FlaskClient
    customer: Data
    stranger: Data
    staff: Data

    def post(self, headers: Data | None = None, **changes: Any) -> TestResponse:
        """Ask for a computation, as the customer."""
        every = {**self.customer, **(headers or {})}
        return self.client.post("/api/compute", json={**JOB, **changes}, headers=every)

    def ask(self, **changes: Any) -> Data:
        """Ask for a computation that is taken; return the job."""
        response = self.post(**changes)
        assert response.status_code == 202, response.get_json()
        return dict(response.get_json()["data"])

    def get(self, path: str, who: Data | None = None) -> TestResponse:
        """Send a GET, as the customer if nobody else."""
        return self.client.get(f"/api/compute{path}", headers=who or self.customer)

    def job(self, job: Data) -> Data:
        """Return a job as its owner sees it now."""
        return dict(self.get(f"/jobs/{job['id']}").get_json()["data"])

    def sent(self, task: str) -> list[Data]:
        """Return the arguments of each task of this name that would be sent, oldest first."""
        with self.app.app_context():
            rows = select(outbox.c.payload).where(outbox.c.kind == "task", outbox.c.type == task)
            return list(current_session().scalars(rows.order_by(outbox.c.id)))

    def mails(self) -> list[tuple[str, str]]:
        """Return subject and text of the mails that notification-service was asked for."""
        asked = self.sent("notifications.send_email")
        return [(one["params"]["subject"], one["params"]["text"]) for one in asked]

    def work(self) -> None:
        """Do every task that was sent, as the worker would."""
        for arguments in self.sent("compute.run"):
            self.run(tasks.run, **arguments)

    def run(self, task: Any, **arguments: Any) -> Any:
        """Run one task in the app's context."""
        with self.app.app_context():
            return task(**arguments)


@pytest.fixture
def desk(app: Flask, auth: Callable[..., dict[str, str]]) -> Desk:
    """A desk whose effects are rolled back."""
    return Desk(app, app.test_client(), auth(), auth(), auth(roles=("staff",)))
