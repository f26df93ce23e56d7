"""Numbers of the gateway for Prometheus: counted in plain lists, dressed up when they are read."""

import os
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from api_gateway.call import Call
from chassis import spans

# Seconds: from a cached read up to a request that was held by `Prefer: wait`.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
# Asked every few seconds, and nothing to be learnt from.
_UNTOLD = ("/health", "/metrics")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class _Times:
    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS) + 1)
        self.total = 0.0


class Metrics:
    """Counts ended requests. Labels are bounded: never a path.

    Several processes (`WEB_WORKERS`) count apart: each answer has the process' pid as a label.
    snapshot: returns the numbers of each service's upstream.
    """

    def __init__(self, snapshot: Callable[[], Mapping[str, Mapping[str, Any]]]) -> None:
        self._snapshot = snapshot
        self._requests: dict[tuple[str, str, int], int] = {}
        self._times: dict[str, _Times] = {}

    def count(self, call: Call) -> None:
        """Count a request whose answer has ended."""
        # Anybody can invent a method; all invented ones are one series.
        key = (call.service, call.method if call.method in _METHODS else "other", call.status)
        self._requests[key] = self._requests.get(key, 0) + 1
        times = self._times.get(call.service)
        if times is None:
            times = self._times[call.service] = _Times()
        seconds = call.elapsed_ms() / 1000
        times.counts[bisect_left(BUCKETS, seconds)] += 1
        times.total += seconds
        if spans.wanted() and not call.path.startswith(_UNTOLD):
            _span(call, seconds)

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        registry.register(self)
        return generate_latest(registry)

    def collect(self) -> Iterable[Metric]:
        """Yield the families (the interface of a collector)."""
        pid = str(os.getpid())
        requests = CounterMetricFamily(
            "gateway_requests",
            "Requests answered",
            labels=("process", "service", "method", "status"),
        )
        for (service, method, status), number in self._requests.items():
            requests.add_metric((pid, service, method, str(status)), number)
        yield requests
        yield self._durations(pid)
        yield from self._upstreams(pid)

    def _durations(self, pid: str) -> Metric:
        family = HistogramMetricFamily(
            "gateway_request_duration_seconds",
            "Time until the answer had ended",
            labels=("process", "service"),
        )
        for service, times in self._times.items():
            buckets, below = [], 0
            for bound, number in zip((*BUCKETS, "+Inf"), times.counts, strict=True):
                below += number
                buckets.append((str(bound), below))
            family.add_metric((pid, service), buckets, times.total)
        return family

    def _upstreams(self, pid: str) -> Iterable[Metric]:
        """Yield one gauge for each number of a service and of its instances."""
        families: dict[str, GaugeMetricFamily] = {}

        def add(name: str, labels: dict[str, str], value: float) -> None:
            names = ("process", *labels)
            text = name.replace("_", " ")
            family = families.setdefault(name, GaugeMetricFamily(name, text, labels=names))
            family.add_metric((pid, *labels.values()), value)

        for service, numbers in self._snapshot().items():
            for name, value in numbers.items():
                if name != "instances":
                    add(f"gateway_service_{name}", {"service": service}, value)
            for instance in numbers.get("instances", ()):
                labels = {"service": service, "instance": instance["url"]}
                for name, value in instance.items():
                    if isinstance(value, int | float):
                        add(f"gateway_instance_{name}", labels, float(value))
        yield from families.values()


def _span(call: Call, seconds: float) -> None:
    # A path would make a name for each id; what the service calls its route is in its own span.
    said: dict[str, str | int] = {
        "http.request.method": call.method,
        "http.response.status_code": call.status,
    }
    name, failed = f"{call.method} {call.service or 'gateway'}", call.status >= 500
    spans.record(name, spans.SERVER, seconds, said, failed=failed, traceparent=call.traceparent)
