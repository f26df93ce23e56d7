"""Prometheus metrics of a web process, at `/metrics`.

Labels are bounded: the template of the route, never its path, so that ids make no new series.
"""

import time
from dataclasses import dataclass

from flask import Flask, Response, current_app, g, request
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    generate_latest,
)

from chassis import __version__, spans
from chassis.auth import public

_EXTENSION = "chassis.metrics"
# Asked every few seconds, and nothing to be learnt from.
_UNTOLD = ("/health", "/metrics")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# Seconds: from a hot read up to a request that was held by `Prefer: wait`.
_BUCKETS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class _Metrics:
    registry: CollectorRegistry
    requests: Counter
    latency: Histogram
    running: Gauge


def init_app(app: Flask, service: str) -> None:
    """Count and time every request of `app`, and serve the numbers at `/metrics`.

    Each app has a registry of its own, so that several can live in one process.
    """
    metrics = _create(service)
    spans.configure(service, getattr(app.config.get("SETTINGS"), "otlp_url", ""))
    app.extensions[_EXTENSION] = metrics

    @app.before_request
    def begin() -> None:
        g.metrics_started = time.perf_counter()
        metrics.running.inc()

    @app.after_request
    def count(response: Response) -> Response:
        method, route = _method(), _route()
        metrics.requests.labels(method, route, str(response.status_code)).inc()
        if "metrics_started" in g:
            elapsed = time.perf_counter() - g.metrics_started
            metrics.latency.labels(method, route).observe(elapsed)
            _span(method, route, elapsed, response.status_code)
        return response

    @app.teardown_request
    def end(_error: BaseException | None) -> None:
        if g.pop("metrics_started", None) is not None:
            metrics.running.dec()

    @app.get("/metrics", endpoint="metrics")
    @public
    def expose() -> Response:
        """Return all metrics in Prometheus' text format."""
        return Response(generate_latest(metrics.registry), content_type=CONTENT_TYPE_LATEST)


def registry() -> CollectorRegistry:
    """Return the current app's registry, for a service's own metrics."""
    metrics: _Metrics = current_app.extensions[_EXTENSION]
    return metrics.registry


def _create(service: str) -> _Metrics:
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    info = Info("service", "Which service and version this is", registry=registry)
    info.info({"name": service, "version": __version__})
    return _Metrics(
        registry,
        Counter(
            "http_requests_total",
            "Requests answered",
            ("method", "route", "status"),
            registry=registry,
        ),
        Histogram(
            "http_request_duration_seconds",
            "Time until the answer was ready",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=registry,
        ),
        Gauge("http_requests_running", "Requests being worked on", registry=registry),
    )


def _span(method: str, route: str, elapsed: float, status: int) -> None:
    if not request.path.startswith(_UNTOLD):
        said = {"http.request.method": method, "http.route": route}
        numbers = {"http.response.status_code": status}
        spans.record(
            f"{method} {route}", spans.SERVER, elapsed, {**said, **numbers}, failed=status >= 500
        )


def _method() -> str:
    # Anybody can invent a method; all invented ones are one series.
    return request.method if request.method in _METHODS else "other"


def _route() -> str:
    return request.url_rule.rule if request.url_rule is not None else "unmatched"
