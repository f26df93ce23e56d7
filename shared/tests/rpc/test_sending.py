"""Tasks of another service that nobody waits for: Celery runs them, on both brokers."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from celery import bootsteps, signals
from celery.contrib.testing.worker import start_worker
from flask import Flask

from chassis.celery_app import bind_celery
from chassis.request_id import current_request_id, set_request_id
from chassis.rpc.errors import UnknownService
from chassis.tasks import create_celery
from chassis.worker.celery_part import Tasks

Eventually = Callable[..., None]
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


class Tick(bootsteps.StartStopStep):
    """Lets Celery's loop turn, so that it sees at once that it shall stop."""

    requires = frozenset({"celery.worker.components:Hub"})

    def register_with_event_loop(self, _worker: Any, hub: Any) -> None:
        hub.call_repeatedly(0.1, lambda: None)


def nothing(**_: Any) -> None:
    """Being connected keeps Celery from setting up the logging of the test run."""


@contextmanager
def celery_worker(target: Any) -> Iterator[None]:
    @target.celery.task(name=f"{target.name}.remember", shared=False, rpc=True)
    def remember(what: str, other: int = 0) -> None:
        target.seen.append((what, other, current_request_id()))

    @target.celery.task(name=f"{target.name}.inside", shared=False)
    def inside(what: str) -> None:
        target.seen.append((what, 0, None))

    target.celery.steps["worker"].add(Tick)
    signals.setup_logging.connect(nothing)
    options: dict[str, Any] = {"pool": "solo", "perform_ping_check": False}
    try:
        with start_worker(target.celery, shutdown_timeout=20, **options):
            yield
    finally:
        signals.setup_logging.disconnect(nothing)


def test_sent_task_is_run_with_its_arguments_and_ids_where_it_is_for_others(
    silent_target: Any, eventually: Eventually, caplog: pytest.LogCaptureFixture
) -> None:
    target = silent_target
    with pytest.raises(UnknownService):
        target.task("remember").send("before there is a queue")
    with celery_worker(target):
        set_request_id("request-0001")
        try:
            target.task("inside").send("not for others")
            target.task("remember", contract=2).send("another contract")
            target.task("remember").send("first", other=2)
        finally:
            set_request_id(None)
        eventually(lambda: target.seen)
    assert target.seen == [("first", 2, "request-0001")]
    refused = {record.exc_info[1].code for record in caplog.records if record.exc_info}
    assert refused == {"rpc.unknown_task", "rpc.version_mismatch"}


def test_relay_sends_a_task_of_another_service_to_that_services_queue(
    silent_target: Any, eventually: Eventually
) -> None:
    target = silent_target
    sending, app = create_celery("orders"), Flask("orders")
    app.config["SETTINGS"] = SimpleNamespace(effective_broker_url=target.url, worker_concurrency=1)
    bind_celery(sending, app)
    row: Any = SimpleNamespace(
        event_id=uuid4(),
        type=f"{target.name}.remember",
        payload={"what": "by the relay"},
        headers={"requestid": "request-0002"},
    )
    # Before the other service has ever run.
    with closing(Tasks(sending, (), {})) as tasks:
        tasks.send_row(row)
    with celery_worker(target):
        eventually(lambda: target.seen)
    assert target.seen == [("by the relay", 0, "request-0002")]


def test_process_that_only_calls_loads_neither_celery_nor_a_client_it_does_not_need() -> None:
    script = (
        "import sys; from chassis.tasks import remote; remote('orders.add'); "
        "print([name for name in ('celery', 'kombu', 'pika') if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ended.stdout == "[]\n", ended.stderr
