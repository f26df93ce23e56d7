"""A till: a customer who pays, staff who capture and refund, a worker who asks the sandbox.

One file, however long: test modules do not import from each other.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import create_engine, select, text
from werkzeug.test import TestResponse

from chassis import clock as platform_clock
from chassis.database import current_session, transaction
from chassis.messaging.tables import outbox
from chassis.testing import Services, deliverer
from payment_service.providers.port import Provider
from payment_service.providers.sandbox import SandboxProvider
from payment_service.services import execution
from payment_service.services.operations import Command, Timing, claim_operation
from payment_service.services.outcomes import Outcome, apply_outcome

Data = dict[str, Any]


@pytest.fixture(scope="session")
def service() -> str:
    """The package under test."""
    return "payment_service"


@dataclass
class Till:
    """One customer, staff and the worker, on one app."""

    app: Flask
    client: FlaskClient
    send: Callable[..., None]
    customer_id: UUID
    customer: dict[str, str]
    stranger: dict[str, str]
    staff: dict[str, str]
    admin: dict[str, str]
    timing: Timing = field(default_factory=Timing)
    _tasks_done: set[UUID] = field(default_factory=set)

    @property
    def provider(self) -> Provider:
        """The app's provider; set it to let another one answer."""
        provider: Provider = self.app.extensions["payment_provider"]
        return provider

    @provider.setter
    def provider(self, provider: Provider) -> None:
        self.app.extensions["payment_provider"] = provider

    def payable(self, amount: int = 1999, *, currency: str = "GBP", seconds: int = 900) -> Data:
        """Return the announcement of a new order that awaits its payment."""
        return {
            "order_id": str(uuid4()),
            "customer_id": str(self.customer_id),
            "amount": amount,
            "currency": currency,
            "expires_at": (platform_clock.now() + timedelta(seconds=seconds)).isoformat(),
        }

    def order(self, amount: int = 1999, **options: Any) -> str:
        """Announce an order that awaits its payment and return its id."""
        data = self.payable(amount, **options)
        self.send("order.awaiting_payment.v1", data)
        return str(data["order_id"])

    def close(self, order_id: str, how: str = "cancelled") -> None:
        """Let the order end: `cancelled` or `expired`."""
        data = {"order_id": order_id, "customer_id": str(self.customer_id)}
        reason = {"reason": "requested"} if how == "cancelled" else {}
        self.send(f"order.{how}.v1", {**data, **reason})

    def post(
        self, path: str, body: Data | None = None, who: Data | None = None, **headers: str
    ) -> TestResponse:
        """Send a POST, as the customer if nobody else; `key=` becomes the Idempotency-Key."""
        key = {"Idempotency-Key": headers.pop("key")} if "key" in headers else {}
        every = {**(who or self.customer), **key, **headers}
        return self.client.post(f"/api/payments{path}", json=body or {}, headers=every)

    def get(self, path: str, who: Data | None = None) -> TestResponse:
        """Send a GET, as staff if nobody else."""
        return self.client.get(f"/api/payments{path}", headers=who or self.staff)

    def start(self, order_id: str, source: str = "tok_success", method: str = "automatic") -> str:
        """Pay for the order as far as the request goes; return the payment's id."""
        body = {"order_id": order_id, "source": source, "capture_method": method}
        response = self.post("", body, key=str(uuid4()))
        assert response.status_code == 202, response.get_json()
        return str(response.get_json()["data"]["id"])

    def pay(self, source: str = "tok_success", amount: int = 1999, **options: Any) -> Data:
        """Pay for a new order, let the worker do its part and return the payment."""
        payment_id = self.start(self.order(amount), source, **options)
        self.work()
        return self.payment(payment_id)

    def payment(self, payment_id: str) -> Data:
        """Return a payment as staff sees it now."""
        return dict(self.get(f"/{payment_id}").get_json()["data"])

    def status(self, payment_id: str) -> str:
        """Return a payment's state."""
        return str(self.payment(payment_id)["status"])

    def refund(self, payment_id: str, amount: int | None = None, **headers: str) -> TestResponse:
        """Ask for a refund as staff."""
        body = {"reason": "damaged"} if amount is None else {"amount": amount, "reason": "damaged"}
        headers.setdefault("key", str(uuid4()))
        return self.post(f"/{payment_id}/refunds", body, self.staff, **headers)

    def tasks(self) -> list[UUID]:
        """Return the operations that the worker was told of and has not been sent yet."""
        with self.app.app_context():
            rows = select(outbox.c.event_id, outbox.c.payload).where(outbox.c.kind == "task")
            new = [
                row
                for row in current_session().execute(rows.order_by(outbox.c.id))
                if row.event_id not in self._tasks_done
            ]
            self._tasks_done.update(row.event_id for row in new)
            return [UUID(row.payload["operation_id"]) for row in new]

    def work(self) -> None:
        """Do the tasks that wait, as the worker would."""
        for operation_id in self.tasks():
            self.execute(operation_id)

    def execute(self, operation_id: UUID) -> bool:
        """Run one task; tell whether there was anything to do."""
        with self.app.app_context():
            return execution.execute_operation(operation_id, self.provider, self.timing)

    def sweep(self) -> int:
        """Run the periodic sweep once."""
        with self.app.app_context():
            return execution.sweep(self.provider, self.timing)

    def charges(self, payment_id: str) -> list[tuple[int, int, int]]:
        """Return (authorized, captured, refunded) of each charge in the sandbox's books."""
        return self.rows(
            "SELECT authorized, captured, refunded FROM sandbox_charges"
            " WHERE merchant_reference = :id",
            id=payment_id,
        )

    def rows(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        """Return what the database answers."""
        with self.app.app_context():
            return [tuple(row) for row in current_session().execute(text(statement), values)]

    def ledger(self, payment_id: str) -> list[tuple[str, int]]:
        """Return the entries of a payment as (account, amount)."""
        entries = self.get(f"/{payment_id}/ledger").get_json()["data"]
        return [(entry["account"], entry["amount"]) for entry in entries]

    def broken(self) -> list[Data]:
        """Return the checks of the audit that fail."""
        checks = self.get("/audit", self.admin).get_json()["data"]["checks"]
        assert len(checks) == 9
        return [check for check in checks if not check["ok"]]

    def claim(self, operation_id: UUID) -> Command:
        """Claim an operation as a worker does; stop here for one that dies before its call."""
        with self.app.app_context(), transaction() as session:
            command = claim_operation(session, operation_id, self.timing)
        assert command is not None
        return command

    def call(self, command: Command) -> Outcome:
        """Call the provider; stop here for a worker that dies before it applies the outcome."""
        return execution.call_provider(self.provider, command)

    def apply(self, command: Command, outcome: Outcome) -> None:
        """Apply an outcome as a worker does."""
        with self.app.app_context(), transaction() as session:
            apply_outcome(session, command.operation_id, outcome, self.timing)


@pytest.fixture
def sandbox(services: Services, service: str) -> Iterator[SandboxProvider]:
    """The app's sandbox, its books empty. They survive a test's rollback, as an outsider's do."""
    app = services.app(service)
    url = app.config["SETTINGS"].database_url
    engine = create_engine(url)
    with engine.begin() as connection:
        for table in ("charges", "requests", "actions"):
            connection.execute(text(f"DELETE FROM sandbox_{table}"))
    engine.dispose()
    provider = SandboxProvider(url, timeout=5, slow_seconds=0.01)
    app.extensions["payment_provider"] = provider
    yield provider
    del app.extensions["payment_provider"]
    provider.dispose()


@pytest.fixture
def open_till(
    sandbox: SandboxProvider, auth: Callable[..., dict[str, str]]
) -> Callable[[Flask], Till]:
    """Make a till with a customer of its own on any app."""

    def make(app: Flask) -> Till:
        customer_id = uuid4()
        return Till(
            app=app,
            client=app.test_client(),
            send=deliverer(app),
            customer_id=customer_id,
            customer=auth(customer_id),
            stranger=auth(),
            staff=auth(roles=("staff",)),
            admin=auth(roles=("admin",)),
        )

    return make


@pytest.fixture
def till(open_till: Callable[[Flask], Till], app: Flask) -> Till:
    """A till whose effects are rolled back, except in the sandbox's books."""
    return open_till(app)


@pytest.fixture
def live_till(open_till: Callable[[Flask], Till], live_app: Flask) -> Till:
    """A till with real commits, for tests with several threads."""
    return open_till(live_app)


@pytest.fixture
def types(published: Callable[[], list[Any]]) -> Callable[[], list[str]]:
    """Return the types of the events recorded so far."""
    return lambda: [event.type for event in published()]


@pytest.fixture
def at_once() -> Callable[..., list[Any]]:
    """Run functions in threads that start together; return their results in order."""

    def run(*works: Callable[[], Any]) -> list[Any]:
        barrier = threading.Barrier(len(works))
        results: list[Any] = [None] * len(works)

        def body(index: int, work: Callable[[], Any]) -> None:
            barrier.wait(10)
            results[index] = work()

        threads = [
            threading.Thread(target=body, args=(index, work)) for index, work in enumerate(works)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        return results

    return run
