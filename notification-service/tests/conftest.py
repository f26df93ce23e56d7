"""An office that sends messages: staff who submit, a worker, and providers on a script."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.test import TestResponse

from chassis import clock as platform_clock
from chassis.database import current_session, transaction
from chassis.sealing import seal
from chassis.testing import deliverer
from notification_service.providers.port import (
    NotSupported,
    ProviderError,
    Receipt,
    ReceiptRefused,
    Sms,
    Submitted,
)
from notification_service.services.carriers import Carriers, MailCarrier, SmsCarrier
from notification_service.services.delivery import Delivery
from notification_service.services.policy import Timing
from notification_service.services.queue import claim, claim_unknown, recover
from notification_service.wiring import MAIL, PROVIDERS, policy

Data = dict[str, Any]
MOBILE = "+447400123456"


@pytest.fixture(scope="session")
def service() -> str:
    """The package under test."""
    return "notification_service"


@dataclass
class Script:
    """What a provider answers, next first; then it takes everything.

    answers: a `Submitted`, or an exception to raise. lookups: as `answers`, or a receipt, or None.
    """

    name: str = "primary"
    answers: list[Submitted | Exception] = field(default_factory=list)
    lookups: list[Receipt | Exception | None] = field(default_factory=list)
    receipts: list[Receipt] | None = None
    sent: list[Sms] = field(default_factory=list)
    mails: list[tuple[str, EmailMessage]] = field(default_factory=list)
    receipt_answer: tuple[bytes, str] = (b'{"code":0}', "application/json")
    entered: Callable[[], object] = lambda: None

    @classmethod
    def from_settings(cls, settings: Mapping[str, str]) -> "Script":
        return cls()

    def _next(self, count: int) -> Submitted:
        answer = self.answers.pop(0) if self.answers else Submitted(f"{self.name}-{count}")
        if isinstance(answer, Exception):
            raise answer
        return answer


class ScriptedSms(Script):
    """An SMS provider on a script."""

    def send(self, sms: Sms) -> Submitted:
        self.sent.append(sms)
        self.entered()
        return self._next(len(self.sent))

    def look_up(self, sms: Sms, provider_id: str | None, submitted_at: datetime) -> Receipt | None:
        answer = self.lookups.pop(0) if self.lookups else NotSupported()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def read_receipts(self, headers: Mapping[str, str], body: bytes, url: str) -> list[Receipt]:
        if self.receipts is None:
            raise ReceiptRefused
        return self.receipts


class ScriptedMail(Script):
    """A mail transport on a script."""

    def send(self, receiver: str, message: EmailMessage) -> Submitted:
        self.mails.append((receiver, message))
        return self._next(len(self.mails))


@dataclass
class Office:
    """Staff, customers and the worker, on one app. primary, backup: SMS providers; post: mails."""

    app: Flask
    client: FlaskClient
    send: Callable[..., None]
    staff: Data
    admin: Data
    customer_id: UUID
    customer: Data
    primary: ScriptedSms
    backup: ScriptedSms
    post: ScriptedMail
    timing: Timing = field(default_factory=Timing)

    def __post_init__(self) -> None:
        with self.app.app_context():
            carriers = Carriers(
                [
                    SmsCarrier(self.primary),
                    SmsCarrier(self.backup),
                    MailCarrier(self.post, policy()),
                ]
            )
            self.delivery = Delivery(policy(), carriers, self.timing)

    def call(self, method: str, path: str, body: Any = None, who: Data | None = None) -> Any:
        """Send a request, as staff if nobody else, and return the answer."""
        headers = {**(self.staff if who is None else who), "Idempotency-Key": str(uuid4())}
        return self.client.open(
            f"/api/notifications{path}", method=method, json=body, headers=headers
        )

    def get(self, path: str, who: Data | None = None) -> TestResponse:
        """Send a GET, as staff if nobody else."""
        headers = self.staff if who is None else who
        return self.client.get(f"/api/notifications{path}", headers=headers)

    def submit(
        self,
        receivers: str | list[str] = MOBILE,
        template: str = "notice",
        channel: str = "sms",
        **body: Any,
    ) -> list[Data]:
        """Submit as staff and return the messages."""
        params = {"notice": {"subject": "Done", "text": "All is well."}}.get(
            template, {"subject": "Sale", "text": "All teapots."}
        )
        whole = {"receivers": receivers, "template": template, "params": params, **body}
        response = self.call("POST", f"/{channel}", whole)
        assert response.status_code == 202, response.get_json()
        return list(response.get_json()["data"])

    def message(self, message: Data | str) -> Data:
        """Return a message as staff sees it now."""
        message_id = message if isinstance(message, str) else message["id"]
        return dict(self.get(f"/{message_id}").get_json()["data"])

    def state(self, message: Data | str) -> str:
        """Return a message's state."""
        return str(self.message(message)["state"])

    def listed(self, query: str = "") -> list[Data]:
        """Return the messages that staff sees, oldest first."""
        return list(reversed(self.get(f"?per_page=100{query}").get_json()["data"]))

    def work(self, most: int = 100) -> int:
        """Deliver what is due, as the worker would; return how many were claimed."""
        with self.app.app_context():
            with transaction() as session:
                parcels = claim(session, most, self.timing, platform_clock.now())
            for parcel in parcels:
                self.delivery.deliver(parcel)
        return len(parcels)

    def look_after(self) -> int:
        """Take back what dead workers had and ask about what is unknown; return how many asked."""
        with self.app.app_context():
            with transaction() as session:
                recover(session, platform_clock.now())
                parcels = claim_unknown(session, 100, self.timing, platform_clock.now())
            for parcel in parcels:
                self.delivery.look_up(parcel)
        return len(parcels)

    def register(self, user_id: UUID | None = None, sequence_hint: str = "", **more: Any) -> UUID:
        """Let user-service tell of a new user, whose welcome is sent and forgotten."""
        user_id = user_id or uuid4()
        self.send("user.registered.v1", self.user(user_id, **more), user_id)
        return user_id

    @staticmethod
    def user(user_id: UUID, **more: Any) -> Data:
        """Return what an event says of a user."""
        return {
            "user_id": str(user_id),
            "email": "mei@example.com",
            "name": "Mei",
            "phone": MOBILE,
            "locale": "en",
            "email_verified": False,
            "phone_verified": True,
            **more,
        }

    def verification(self, code: str = "493817", seconds: int = 300, **more: Any) -> Data:
        """Return the event of a code that was asked for."""
        expires_at = platform_clock.now() + timedelta(seconds=seconds)
        return {
            "verification_id": str(uuid4()),
            "user_id": str(self.customer_id),
            "purpose": "login",
            "channel": "sms",
            "receiver": MOBILE,
            "locale": "en",
            "code_sealed": seal(code, "a secret of the test run", purpose="verification"),
            "expires_at": expires_at.isoformat(),
            **more,
        }

    @staticmethod
    def now() -> datetime:
        """Return the time on the test's clock."""
        return platform_clock.now()

    def rows(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        """Return what the database answers."""
        with self.app.app_context():
            return [tuple(row) for row in current_session().execute(text(statement), values)]

    def change(self, statement: str, **values: Any) -> None:
        """Change rows behind the service's back."""
        with self.app.app_context(), transaction() as session:
            session.execute(text(statement), values)

    def broken(self) -> list[Data]:
        """Return the checks of the audit that fail."""
        checks = self.get("/audit", self.admin).get_json()["data"]["checks"]
        assert len(checks) == 4
        return [check for check in checks if not check["ok"]]


@pytest.fixture
def open_office(auth: Callable[..., dict[str, str]]) -> Any:
    """Make an office on any app; its providers are the app's as long as the test runs."""
    changed: list[Flask] = []

    def make(app: Flask) -> Office:
        primary, backup, post = ScriptedSms(), ScriptedSms(name="backup"), ScriptedMail(name="post")
        app.extensions[PROVIDERS], app.extensions[MAIL] = [primary, backup], post
        changed.append(app)
        customer_id = uuid4()
        return Office(
            app=app,
            client=app.test_client(),
            send=deliverer(app),
            staff=auth(roles=("staff",)),
            admin=auth(roles=("admin",)),
            customer_id=customer_id,
            customer=auth(customer_id),
            primary=primary,
            backup=backup,
            post=post,
        )

    yield make
    for app in changed:
        del app.extensions[PROVIDERS], app.extensions[MAIL]


@pytest.fixture
def office(open_office: Callable[[Flask], Office], app: Flask) -> Office:
    """An office whose effects are rolled back."""
    return open_office(app)


@pytest.fixture
def live_office(open_office: Callable[[Flask], Office], live_app: Flask) -> Office:
    """An office with real commits, for tests with several threads."""
    return open_office(live_app)


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


@pytest.fixture
def fails() -> Callable[..., ProviderError]:
    """Make a provider's error: `fails("retryable", "isp.SYSTEM_ERROR")`."""
    from notification_service.providers.port import ErrorClass

    def make(kind: str, code: str = "code", retry_after: float | None = None) -> ProviderError:
        return ProviderError(ErrorClass(kind), code, "", retry_after)

    return make
