"""`remote("compute.add", timeout=5)(2, 3)`: a task of another service, called like a function."""

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from flask import current_app
from sqlalchemy.orm import Session

from chassis.messaging import outbox
from chassis.request_id import current_request_id
from chassis.rpc.celery_message import TaskMessage
from chassis.rpc.errors import CallTimeout
from chassis.rpc.link import Link, connect_link
from chassis.rpc.messages import LIST_TASKS, Call, current_deadline, read_reply
from chassis.tracing import current_traceparent

MAX_SECONDS = 60.0
_NAME = re.compile(r"[a-z][a-z0-9_-]*(\.[a-z_][a-z0-9_]*)+")
_LINK = "rpc.link"
_making = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class Remote:
    """A task of another service; made by `remote`, may be kept and shared.

    find_link: called for each use, so that one can be made before there is an app.
    """

    name: str
    service: str
    timeout: float
    contract: int | None
    find_link: Callable[[], Link]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the task and return its result; runs it once at most (ADR 12).

        Raises the ServiceError that the task raised, with its status, code, message and fields; or
        one of `chassis.rpc.errors`. Never takes longer than the timeout. Not inside a transaction.
        """
        timeout = self._seconds()
        call = Call(
            id=uuid4().hex,
            task=self.name,
            args=list(args),
            kwargs=kwargs,
            deadline=time.time() + timeout,
            contract=self.contract,
            request_id=current_request_id(),
            traceparent=current_traceparent(),
        )
        return read_reply(self.find_link().call(self.service, call, timeout), self.name)

    def send(self, *args: Any, **kwargs: Any) -> str:
        """Hand the task to the broker, which keeps it for the service; return the task's id.

        It runs once or more often, as all tasks do. Raises UnknownService or CallUnavailable. A
        request uses `enqueue`, which needs no broker.
        """
        ids = {"requestid": current_request_id(), "traceparent": current_traceparent()}
        message = TaskMessage(
            task=self.name,
            args=list(args),
            kwargs=kwargs,
            ids={name: value for name, value in ids.items() if value is not None},
            contract=self.contract or 0,
        )
        self.find_link().send(message, self._seconds())
        return message.id

    def enqueue(self, session: Session, **kwargs: Any) -> UUID:
        """Write the task into the caller's transaction; the relay sends it after the commit."""
        return outbox.enqueue(session, self.name, **kwargs)

    def _seconds(self) -> float:
        deadline = current_deadline.get()
        left = self.timeout if deadline is None else min(self.timeout, deadline - time.time())
        if left <= 0:
            raise CallTimeout(f"There is no time left to call {self.name}")
        return left


def remote(
    name: str,
    *,
    timeout: float = 5.0,
    contract: int | None = None,
    link: Link | None = None,
) -> Remote:
    """Return the task `<service>.<task>` of another service.

    timeout: seconds that a call may take, 60 at most. contract: the version of its signature that
    the caller is written for; another one is refused. link: where there is no app, such as in a
    shell. Raises ValueError for anything else.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not <service>.<task>")
    if not 0 < timeout <= MAX_SECONDS:
        raise ValueError(f"timeout must be above 0 and at most {MAX_SECONDS:g} seconds")
    service = name.partition(".")[0]
    find = link_of_app if link is None else lambda: link
    return Remote(name=name, service=service, timeout=timeout, contract=contract, find_link=find)


def list_tasks(service: str, *, timeout: float = 2.0, link: Link | None = None) -> list[Any]:
    """Ask a running worker of a service for what others may call.

    Each is {"name", "signature", "description", "contract", "idempotent"}. Raises as a call does.
    """
    find = link_of_app if link is None else lambda: link
    listing = Remote(
        name=LIST_TASKS, service=service, timeout=timeout, contract=None, find_link=find
    )
    found: list[Any] = listing()
    return found


def link_of_app() -> Link:
    """Return the link of the current app; made at the first call."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    with _making:
        if _LINK not in app.extensions:
            app.extensions[_LINK] = connect_link(app.config["SETTINGS"].effective_broker_url)
        link: Link = app.extensions[_LINK]
    return link
