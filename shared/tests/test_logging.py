"""Logs: one JSON object a line, with the ids, without secrets."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from typing import Any

import pytest
from demo_service import create_app
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from chassis import logging as platform_logging
from chassis.database import current_session
from chassis.request_id import set_request_id
from chassis.tracing import set_traceparent

Lines = Callable[[], list[dict[str, Any]]]
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What has been logged in this test, as text; the root logger is put back afterwards."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    # Requests of earlier tests were made in this thread and have left their ids behind.
    set_request_id(None)
    set_traceparent(None)
    with redirect_stdout(stream):
        platform_logging.configure("demo", "DEBUG")
    yield stream
    root.handlers[:] = before
    root.setLevel(level)


@pytest.fixture
def lines(written: io.StringIO) -> Lines:
    """Return the lines logged so far, each parsed; without those of SQL statements."""

    def read() -> list[dict[str, Any]]:
        found = [json.loads(line) for line in written.getvalue().splitlines()]
        return [line for line in found if line["logger"] != "chassis.statements"]

    return read


def test_a_line_is_one_json_object_with_fields(lines: Lines) -> None:
    logging.getLogger("shop.orders").info("order placed", extra={"order_id": "o-1", "total": 5})
    (line,) = lines()
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "service": "demo",
        "event": "order placed",
        "level": "info",
        "logger": "shop.orders",
        "order_id": "o-1",
        "total": 5,
    }


def test_ids_stand_on_every_line(lines: Lines) -> None:
    set_request_id("request-123")
    set_traceparent(TRACE)
    logging.getLogger("shop").warning("slow")
    set_request_id(None)
    set_traceparent(None)
    (line,) = lines()
    assert (line["request_id"], line["trace_id"]) == ("request-123", TRACE.split("-")[1])


def test_a_message_with_line_breaks_stays_one_line(lines: Lines) -> None:
    logging.getLogger("shop").info("one\ntwo %s", '{"level": "forged"}\n')
    assert [line["event"] for line in lines()] == ['one\ntwo {"level": "forged"}\n']


@pytest.mark.parametrize(
    "name", ["password", "new_password", "access_token", "Authorization", "SECRET", "card_number"]
)
def test_fields_named_like_secrets_are_redacted(
    lines: Lines, written: io.StringIO, name: str
) -> None:
    logging.getLogger("shop").info("login", extra={name: "hunter2"})
    assert lines()[0][name] == "[redacted]" and "hunter2" not in written.getvalue()


def test_an_exception_is_a_field_of_its_line(lines: Lines) -> None:
    try:
        raise RuntimeError("broken")
    except RuntimeError:
        logging.getLogger("shop").exception("unhandled error")
    (line,) = lines()
    assert line["level"] == "error" and line["exception"].endswith("RuntimeError: broken")


def test_values_that_postgres_quotes_are_hidden(lines: Lines) -> None:
    message = "duplicate key\nDETAIL:  Key (email)=(a@b.c\nd) already exists.\n\n[SQL: INSERT]"
    try:
        raise RuntimeError(message)
    except RuntimeError:
        logging.getLogger("shop").exception("unhandled error")
    text = lines()[0]["exception"]
    assert text.endswith("duplicate key\nDETAIL: [redacted]\n\n[SQL: INSERT]")


def test_chatty_libraries_are_quiet(lines: Lines) -> None:
    for name in ("pika", "urllib3.connectionpool", "werkzeug", "kombu", "amqp", "celery.pool"):
        logging.getLogger(name).info("noise")
    assert lines() == []


def test_the_console_style_is_for_people(written: io.StringIO) -> None:
    with redirect_stdout(written):
        platform_logging.configure("demo", "INFO", "console")
    logging.getLogger("shop").info("order placed", extra={"order_id": "o-1"})
    assert "order placed" in written.getvalue() and "o-1" in written.getvalue()


def test_a_request_is_one_line_without_its_query_or_token(
    client: FlaskClient, lines: Lines, written: io.StringIO, auth: Any
) -> None:
    headers = {**auth(), "X-Request-ID": "request-123", "Cookie": "session=c00kie"}
    client.get("/api/demo/?name=hunter2", headers=headers)
    (line,) = lines()
    assert (line["event"], line["method"], line["path"]) == ("request", "GET", "/api/demo/")
    assert (line["status"], line["request_id"]) == (200, "request-123")
    assert line["ms"] >= 0
    for secret in ("hunter2", "Bearer", headers["Authorization"].split()[1], "c00kie"):
        assert secret not in written.getvalue()


def test_health_checks_are_not_logged(client: FlaskClient, lines: Lines) -> None:
    for path in ("/health/live", "/health/ready", "/metrics"):
        client.get(path)
    assert lines() == []


def test_a_body_never_reaches_the_log(
    client: FlaskClient, written: io.StringIO, before_commit: Any
) -> None:
    """The parameters of a failed statement are customers' data: notes, addresses, hashes."""
    body = {"name": "taken", "note": "4 Privet Drive"}
    for _ in range(2):
        client.post("/api/demo/", json=body)
    before_commit(lambda: current_session().execute(text("SELECT :note FROM nowhere"), body))
    assert client.post("/api/demo/", json={**body, "name": "other"}).status_code == 500
    client.post("/api/demo/", json={**body, "name": ""})
    client.post("/api/demo/", data=b'{"note": "4 Privet Drive"', content_type="application/json")
    assert "Privet" not in written.getvalue()
    assert "unhandled error" in written.getvalue()


def test_a_url_with_a_password_never_reaches_the_log(
    services: Any, service: str, closed_port: int, written: io.StringIO
) -> None:
    url = f"postgresql+psycopg2://shop:s3cret@127.0.0.1:{closed_port}/shop"
    redis_url = f"redis://:s3cret@127.0.0.1:{closed_port}/0"
    config = services.config(service, database_url=url, redis_url=redis_url, log_level="DEBUG")
    with redirect_stdout(written):
        app: Flask = create_app(config)
    for path in ("/api/demo/", "/api/demo/hot", "/health/ready", "/health"):
        answer = app.test_client().get(path)
        assert answer.status_code == 503 and "s3cret" not in answer.text
    assert written.getvalue() and "s3cret" not in written.getvalue()
