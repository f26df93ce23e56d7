"""The Celery app of a service: its settings, its tasks' context, and what it refuses to run."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import Celery, bootsteps, signals
from celery.contrib.testing.worker import start_worker
from flask import Flask, current_app

from chassis.celery_app import TaskSender, bind_celery, create_celery
from chassis.messaging.bus import BusUnavailable
from chassis.request_id import current_request_id, set_request_id
from chassis.tracing import current_traceparent

Eventually = Callable[..., None]
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Settings:
    """What `bind_celery` reads."""

    def __init__(self, url: str) -> None:
        self.effective_broker_url, self.worker_concurrency = url, 1


@pytest.fixture
def make_celery() -> Callable[[str], Celery]:
    """Make a Celery app bound to a broker's URL, with a Flask app of its own."""

    def make(url: str, name: str = "orders") -> Celery:
        celery, flask_app = create_celery(name), Flask(f"{name}-app")
        flask_app.config["SETTINGS"] = Settings(url)
        bind_celery(celery, flask_app)
        return celery

    return make


@pytest.fixture(params=["redis", "rabbitmq"])
def broker_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def keep_logging() -> Iterator[None]:
    """Keep Celery from setting up the logging of the test run."""

    def nothing(**_: Any) -> None:
        pass

    signals.setup_logging.connect(nothing)
    yield
    signals.setup_logging.disconnect(nothing)


class Tick(bootsteps.StartStopStep):
    """Lets Celery's loop turn, so that it sees at once that it shall stop."""

    requires = frozenset({"celery.worker.components:Hub"})

    def register_with_event_loop(self, _worker: Any, hub: Any) -> None:
        hub.call_repeatedly(0.1, lambda: None)


def test_tasks_are_json_acknowledged_late_and_have_a_queue_of_their_service(
    make_celery: Callable[[str], Celery],
) -> None:
    conf = make_celery("redis://127.0.0.1:1/0").conf
    assert (conf.accept_content, conf.task_serializer) == (["json"], "json")
    assert (conf.task_acks_late, conf.task_reject_on_worker_lost) == (True, True)
    assert (conf.worker_prefetch_multiplier, conf.task_publish_retry) == (1, False)
    assert conf.task_default_queue == "orders.tasks"
    assert conf.worker_concurrency == 1


def test_lost_tasks_come_back_with_redis_and_publishing_is_confirmed_with_rabbitmq(
    make_celery: Callable[[str], Celery],
) -> None:
    redis = make_celery("redis://127.0.0.1:1/0").conf.broker_transport_options
    assert redis["visibility_timeout"] == 120
    assert (redis["unacked_restore_interval"], redis["unacked_restore_throttle"]) == (5, 1)
    rabbitmq = make_celery("amqp://127.0.0.1:1/").conf.broker_transport_options
    assert rabbitmq == {"confirm_publish": True}


def test_task_called_as_a_function_uses_the_context_that_is_there(
    make_celery: Callable[[str], Celery],
) -> None:
    celery = make_celery("redis://127.0.0.1:1/0")

    @celery.task(name="orders.where", shared=False)
    def task() -> tuple[str, str | None]:
        return current_app.name, current_request_id()

    set_request_id("request-0001")
    with Flask("test-app").app_context():
        assert task() == ("test-app", "request-0001")
    assert task()[0] == "orders-app"
    assert current_request_id() is None


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_broker_that_is_away_is_said_so(make_celery: Callable[[str], Celery], scheme: str) -> None:
    sender = TaskSender(make_celery(f"{scheme}://user:s3cret@127.0.0.1:1/"))
    for _ in range(2):
        with pytest.raises(BusUnavailable) as caught:
            sender.send("orders.clean")
        assert "s3cret" not in str(caught.value)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_task_runs_under_the_ids_of_its_request_and_pickle_is_refused(
    make_celery: Callable[..., Celery], broker_url: str, eventually: Eventually,
    caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest, keep_logging: None,
) -> None:  # fmt: skip
    celery = make_celery(broker_url, f"t{abs(hash(request.node.name))}")
    seen: list[tuple[Any, ...]] = []

    @celery.task(name="orders.look", shared=False)
    def look(number: int) -> None:
        seen.append((number, current_app.name, current_request_id(), current_traceparent()))

    celery.steps["worker"].add(Tick)
    sender = TaskSender(celery)
    with start_worker(celery, pool="solo", perform_ping_check=False, shutdown_timeout=20):
        sender.send("orders.look", args=[1], serializer="pickle")
        sender.send(
            "orders.look",
            kwargs={"number": 2},
            headers={"requestid": "request-0001", "traceparent": TRACE},
        )
        eventually(lambda: seen)
    sender.close()
    ((number, app_name, request_id, traceparent),) = seen
    assert (number, request_id) == (2, "request-0001")
    assert app_name.endswith("-app")
    # A span of our own in the trace of the request.
    assert traceparent.split("-")[1] == TRACE.split("-")[1]
    assert "ContentDisallowed" in caplog.text
