"""Spans reach a backend that speaks OTLP over HTTP, and nobody waits for one that does not."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from flask.testing import FlaskClient

from chassis import spans
from chassis.tracing import accept_traceparent, set_traceparent

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Backend:
    """A backend that keeps what it is sent."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[tuple[str, dict[str, Any]]] = []

    @property
    def spans(self) -> list[dict[str, Any]]:
        return [
            span
            for _, body in self.requests
            for resource in body["resourceSpans"]
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        ]


@pytest.fixture
def backend() -> Iterator[Backend]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found.requests.append((self.path, body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Backend(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def nobody_afterwards() -> Iterator[None]:
    yield
    spans.configure("none", "")
    set_traceparent(None)


def test_a_span_is_sent_with_its_trace_its_parent_and_what_it_was(
    backend: Backend, eventually: Any
) -> None:
    spans.configure("orders", backend.url)
    own = accept_traceparent(f"00-{TRACE}-{CALLER}-01")
    set_traceparent(own)

    spans.record("GET /x/<id>", spans.SERVER, 0.25, {"http.response.status_code": 503}, failed=True)
    eventually(lambda: backend.spans)

    ((path, body),) = backend.requests
    (resource,) = body["resourceSpans"]
    (span,) = backend.spans
    assert path == "/v1/traces"
    assert resource["resource"]["attributes"] == [
        {"key": "service.name", "value": {"stringValue": "orders"}}
    ]
    took = int(span.pop("endTimeUnixNano")) - int(span.pop("startTimeUnixNano"))
    assert took == 250_000_000
    assert span == {
        "traceId": TRACE,
        "spanId": own.split("-")[2],
        "parentSpanId": CALLER,
        "name": "GET /x/<id>",
        "kind": 2,
        "attributes": [{"key": "http.response.status_code", "value": {"intValue": "503"}}],
        "status": {"code": 2},
    }


def test_a_trace_that_begins_here_has_no_parent(backend: Backend, eventually: Any) -> None:
    spans.configure("orders", backend.url)
    set_traceparent(accept_traceparent(None))

    with spans.span("orders.expire", spans.CONSUMER, {}):
        pass
    eventually(lambda: backend.spans)

    assert "parentSpanId" not in backend.spans[0]
    assert "status" not in backend.spans[0]


def test_what_an_exception_ends_has_failed(backend: Backend, eventually: Any) -> None:
    spans.configure("orders", backend.url)
    set_traceparent(accept_traceparent(None))

    with pytest.raises(ZeroDivisionError), spans.span("orders.expire", spans.CONSUMER, {}):
        1 / 0  # noqa: B018
    eventually(lambda: backend.spans)

    assert backend.spans[0]["status"] == {"code": 2}


@pytest.mark.parametrize(
    "traceparent",
    [None, f"00-{TRACE}-{CALLER}-00"],
    ids=["nothing worked on", "not to be recorded"],
)
def test_what_nobody_wants_recorded_is_not_sent(backend: Backend, traceparent: str | None) -> None:
    exporter = spans.Exporter("orders", backend.url)
    spans.use(exporter)
    set_traceparent(traceparent and accept_traceparent(traceparent))

    spans.record("GET /x", spans.SERVER, 0.1, {})
    exporter.flush()

    assert backend.requests == []


def test_a_request_is_a_span_under_the_template_of_its_route(
    backend: Backend, client: FlaskClient
) -> None:
    exporter = spans.Exporter("demo", backend.url)
    spans.use(exporter)

    client.get(
        "/api/demo/00000000-0000-7000-8000-000000000001",
        headers={"traceparent": f"00-{TRACE}-{CALLER}-01"},
    )
    client.get("/health/live")
    exporter.flush()

    (span,) = backend.spans
    assert span["name"] == "GET /api/demo/<uuid:widget_id>"
    assert (span["traceId"], span["parentSpanId"]) == (TRACE, CALLER)


def test_a_backend_that_is_away_costs_the_oldest_spans_and_no_request() -> None:
    exporter = spans.Exporter("orders", "http://127.0.0.1:9")
    for number in range(5000):
        exporter.keep({"name": str(number)})

    exporter.flush()

    # One batch was tried and lost; what is kept is bounded.
    assert len(exporter.kept) == 4096 - 512
    assert exporter.kept[-1]["name"] == "4999"
