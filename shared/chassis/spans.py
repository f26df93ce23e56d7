"""Spans of requests, events and tasks to a trace backend, as OTLP over HTTP in JSON.

Source: OpenTelemetry protocol 1.x, `POST /v1/traces`. Written here because it is one POST: the SDK
would bring seven packages and a second way to carry the trace context. Nothing waits for the
backend: spans gather in memory, the oldest are given up when it is away.
"""

import atexit
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import requests

from chassis.tracing import Traceparent, current_traceparent

logger = logging.getLogger(__name__)
# Kinds of a span, by their numbers in the protocol.
SERVER, CONSUMER = 2, 5
_ERROR = 2
_KEPT = 4096
_BATCH = 512
_EVERY_SECONDS = 2.0
_TIMEOUT_SECONDS = 2.0


class Exporter:
    """Gathers spans and sends them in the background. url: of the backend, without a path."""

    def __init__(self, service: str, url: str) -> None:
        self._resource = {"attributes": _attributes({"service.name": service})}
        self._url = f"{url.rstrip('/')}/v1/traces"
        self.kept: deque[dict[str, Any]] = deque(maxlen=_KEPT)
        self._lock = threading.Lock()
        self._pid = 0
        self._away = False
        atexit.register(self.flush)

    def add(self, span: dict[str, Any]) -> None:
        """Keep a span and see to its sending, anew in each process that was forked."""
        self.keep(span)
        if self._pid != os.getpid():
            with self._lock:
                if self._pid != os.getpid():
                    self._pid = os.getpid()
                    threading.Thread(target=self._run, name="spans", daemon=True).start()

    def keep(self, span: dict[str, Any]) -> None:
        """Keep a span until the next `flush`, or until too many came after it."""
        self.kept.append(span)

    def flush(self) -> None:
        """Send what has gathered; what the backend does not take now is lost."""
        while self.kept:
            batch: list[dict[str, Any]] = []
            while self.kept and len(batch) < _BATCH:
                batch.append(self.kept.popleft())
            if not self._send(batch):
                return

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            pause.wait(_EVERY_SECONDS)
            self.flush()

    def _send(self, spans: list[dict[str, Any]]) -> bool:
        scope = {"scope": {"name": "chassis"}, "spans": spans}
        body = {"resourceSpans": [{"resource": self._resource, "scopeSpans": [scope]}]}
        try:
            requests.post(self._url, json=body, timeout=_TIMEOUT_SECONDS).raise_for_status()
        except requests.RequestException as error:
            if not self._away:
                logger.warning("traces are not taken", extra={"reason": type(error).__name__})
            self._away = True
            return False
        self._away = False
        return True


_exporter: Exporter | None = None


def configure(service: str, url: str) -> None:
    """Send this process' spans to `url` from now on; empty: to nobody."""
    use(Exporter(service, url) if url else None)


def use(exporter: Exporter | None) -> None:
    """Give this process' spans to `exporter` from now on."""
    global _exporter
    _exporter = exporter


def wanted() -> bool:
    """Tell whether anybody takes spans: what is not free to describe need not be described."""
    return _exporter is not None


def record(
    name: str,
    kind: int,
    seconds: float,
    attributes: Mapping[str, str | int],
    *,
    failed: bool = False,
    traceparent: str | None = None,
) -> None:
    """Note a span that ends now. name: of few different ones, such as a route's template.

    traceparent: of the span; None: the one that is being worked on.
    """
    if _exporter is None:
        return
    own = traceparent or current_traceparent()
    # The last bit says whether whoever began the trace wants it recorded (section 3.2.2.5.1).
    if own is None or not int(own[-2:], 16) & 1:
        return
    end = time.time_ns()
    span = {
        "traceId": own[3:35],
        "spanId": own[36:52],
        "name": name,
        "kind": kind,
        "startTimeUnixNano": str(end - int(seconds * 1e9)),
        "endTimeUnixNano": str(end),
        "attributes": _attributes(attributes),
    }
    if isinstance(own, Traceparent) and own.parent:
        span["parentSpanId"] = own.parent
    if failed:
        span["status"] = {"code": _ERROR}
    _exporter.add(span)


@contextmanager
def span(name: str, kind: int, attributes: Mapping[str, str | int]) -> Iterator[None]:
    """Note what happens inside as a span; one that an exception ends has failed."""
    started, failed = time.perf_counter(), True
    try:
        yield
        failed = False
    finally:
        record(name, kind, time.perf_counter() - started, attributes, failed=failed)


def _attributes(values: Mapping[str, str | int]) -> list[dict[str, Any]]:
    # The JSON form of the protocol writes 64-bit integers as strings.
    return [
        {
            "key": key,
            "value": {"stringValue": value} if isinstance(value, str) else {"intValue": str(value)},
        }
        for key, value in values.items()
    ]
