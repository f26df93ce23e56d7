"""Counts and times of requests, with labels that cannot grow."""

from flask import Flask
from flask.testing import FlaskClient
from prometheus_client import Gauge
from prometheus_client.parser import text_string_to_metric_families

from chassis import metrics


def samples(client: FlaskClient, name: str) -> dict[tuple[str, ...], float]:
    """Return the samples of a metric by their label values, in the labels' order."""
    text = client.get("/metrics").text
    return {
        tuple(value for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


def difference(client: FlaskClient, *paths: str, method: str = "GET") -> dict[str, float]:
    """Return which series of `http_requests_total` grew by how much through these requests."""
    before = samples(client, "http_requests_total")
    for path in paths:
        client.open(path, method=method)
    after = samples(client, "http_requests_total")
    grown = {key: value - before.get(key, 0) for key, value in after.items()}
    return {" ".join(k): v for k, v in grown.items() if v and k[1] != "/metrics"}


def test_requests_are_counted_by_method_template_and_status(client: FlaskClient) -> None:
    ids = [f"/api/demo/00000000-0000-7000-8000-00000000000{digit}" for digit in range(3)]
    assert difference(client, *ids) == {"GET /api/demo/<uuid:widget_id> 404": 3}


def test_unknown_paths_and_methods_share_one_series(client: FlaskClient) -> None:
    assert difference(client, "/a", "/b/c", "/.env") == {"GET unmatched 404": 3}
    assert difference(client, "/a", method="BREW") == {"other unmatched 404": 1}


def test_defects_are_counted_too(client: FlaskClient) -> None:
    assert difference(client, "/api/demo/defects") == {"GET /api/demo/defects 500": 1}


def test_latency_is_observed_for_each_request(client: FlaskClient) -> None:
    name = "http_request_duration_seconds_count"
    before = samples(client, name).get(("GET", "/api/demo/hot"), 0)
    client.get("/api/demo/hot")
    assert samples(client, name)[("GET", "/api/demo/hot")] == before + 1


def test_running_requests_return_to_the_one_that_asks(client: FlaskClient) -> None:
    client.get("/api/demo/defects")
    assert samples(client, "http_requests_running") == {(): 1.0}


def test_the_page_names_service_and_process(client: FlaskClient) -> None:
    assert samples(client, "service_info") == {("demo", "0.1.0"): 1.0}
    assert samples(client, "process_resident_memory_bytes")[()] > 1_000_000


def test_a_service_adds_metrics_of_its_own_to_its_app(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        registry = metrics.registry()
    gauge = Gauge("widgets", "Widgets there are", registry=registry)
    gauge.set(7)
    assert samples(client, "widgets") == {(): 7.0}
    registry.unregister(gauge)


def test_two_apps_in_one_process_count_apart() -> None:
    apps = [Flask("one"), Flask("two")]
    for app in apps:
        metrics.init_app(app, app.name)
    apps[0].test_client().get("/x")
    first, second = (samples(app.test_client(), "http_requests_total") for app in apps)
    assert (first, second) == ({("GET", "unmatched", "404"): 1.0}, {})
