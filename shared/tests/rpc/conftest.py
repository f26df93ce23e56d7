"""A service of a few tasks that takes calls in this process, on both brokers."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from celery import Celery
from flask import Flask

from chassis.celery_app import bind_celery
from chassis.exceptions import Conflict, TooManyRequests, Unprocessable
from chassis.request_id import current_request_id
from chassis.rpc.answering import Answerer
from chassis.rpc.catalogue import Catalogue
from chassis.rpc.errors import UnknownService
from chassis.rpc.link import Link, connect_link
from chassis.rpc.receiver import connect_receiver
from chassis.rpc.remote import Remote, list_tasks, remote
from chassis.tasks import create_celery
from chassis.tracing import current_traceparent


class Settings:
    """What a worker reads of a service's settings."""

    def __init__(self, url: str) -> None:
        self.effective_broker_url, self.worker_concurrency = url, 1


@dataclass
class Target:
    """The service that is called: its tasks leave traces here."""

    name: str
    url: str
    link: Link
    celery: Celery
    app: Flask
    seen: list[Any] = field(default_factory=list)
    go_on: threading.Event = field(default_factory=threading.Event)

    def task(self, name: str, **options: Any) -> Remote:
        return remote(f"{self.name}.{name}", link=self.link, **options)

    def receive(self, stop: threading.Event, threads: int = 2) -> None:
        answer = Answerer(self.app, Catalogue(self.celery.tasks))
        connect_receiver(self.url, self.name, answer, threads).run(stop, lambda: None)

    def is_known(self) -> bool:
        try:
            return bool(list_tasks(self.name, link=self.link))
        except UnknownService:
            return False


@pytest.fixture(scope="session", params=["redis", "rabbitmq"])
def broker_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


def make_target(url: str) -> Target:
    """Make a service with a name of its own that does not run yet."""
    name = f"s{uuid4().hex[:10]}"
    celery, app = create_celery(name), Flask(name)
    app.config["SETTINGS"] = Settings(url)
    bind_celery(celery, app)
    target = Target(name, url, connect_link(url), celery, app)
    _add_tasks(target)
    return target


@pytest.fixture
def target_on() -> Iterator[Callable[[str], Target]]:
    """Make a service on the broker with this URL; it does not run."""
    made: list[Target] = []

    def make(url: str) -> Target:
        made.append(make_target(url))
        return made[-1]

    yield make
    for target in made:
        target.link.close()


@pytest.fixture
def silent_target(broker_url: str, target_on: Callable[[str], Target]) -> Target:
    """A service that does not run."""
    return target_on(broker_url)


@pytest.fixture(scope="module")
def running_target(broker_url: str) -> Iterator[Target]:
    """A service that takes calls in two threads; for all tests of a file."""
    target, stop = make_target(broker_url), threading.Event()
    thread = threading.Thread(target=target.receive, args=(stop,))
    thread.start()
    pause = threading.Event()
    while not target.is_known():
        pause.wait(0.02)
    yield target
    stop.set()
    thread.join(20)
    target.link.close()
    assert not thread.is_alive()


@pytest.fixture
def target(running_target: Target) -> Iterator[Target]:
    """A service that takes calls in two threads and has done nothing yet."""
    running_target.seen.clear()
    running_target.go_on.clear()
    yield running_target
    running_target.go_on.set()


def _add_tasks(target: Target) -> None:
    def task(function: Any, **options: Any) -> None:
        name = f"{target.name}.{function.__name__}"
        target.celery.task(name=name, shared=False, **{"rpc": True, **options})(function)

    def add(value: int, other: int = 1) -> int:
        """Add two numbers.

        The second may be left out.
        """
        return value + other

    def ids() -> list[str | None]:
        return [current_request_id(), current_traceparent()]

    def fail(kind: str) -> None:
        if kind == "fields":
            raise Unprocessable("No", errors=[{"field": "value", "message": "Too large."}])
        if kind == "busy":
            raise TooManyRequests("Not so fast", retry_after=7)
        if kind == "conflict":
            raise Conflict("Already there", code="orders.exists")
        raise RuntimeError("a secret")

    def give(kind: str) -> Any:
        return {"set": {1}, "nan": float("nan"), "large": "x" * 300_000}[kind]

    def wait(what: str) -> str:
        target.seen.append(what)
        target.go_on.wait(10)
        return what

    def note(what: str) -> None:
        target.seen.append(what)

    def ask_back(timeout: float) -> Any:
        began = time.monotonic()
        try:
            target.task("wait", timeout=timeout)("inner")
        finally:
            target.seen.append(time.monotonic() - began)

    def internal() -> None:
        target.seen.append("internal")

    for function in (add, ids, fail, give, wait, note, ask_back):
        task(function)
    task(internal, rpc=False)

    @target.celery.task(name=f"{target.name}.newer", shared=False, rpc=True, contract=3)
    def newer() -> int:
        return 3
