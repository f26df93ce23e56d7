"""Prometheus asks every service, the dashboard and the alerts ask for what there is."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

WATCHED = ("prometheus", "grafana", "edge")


@pytest.fixture
def folder(repository: Path) -> Path:
    return repository / "infrastructure" / "observability"


def read_yaml(file: Path) -> Any:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def test_prometheus_asks_every_instance_of_every_service_at_its_port(
    folder: Path, compose_file: dict[str, Any]
) -> None:
    jobs = {
        job["job_name"]: (found["names"], found["port"], found["type"])
        for job in read_yaml(folder / "prometheus.yml")["scrape_configs"]
        for found in job.get("dns_sd_configs", [])
    }

    assert jobs == {
        name: ([name], one["environment"]["PORT"], "A")
        for name, one in compose_file["services"].items()
        if name.endswith("-service") or name == "api-gateway"
    }


def test_prometheus_and_the_traces_are_where_the_services_are_and_grafana_is_not(
    compose_file: dict[str, Any],
) -> None:
    networks = {name: set(one["networks"]) for name, one in compose_file["services"].items()}

    assert networks["prometheus"] == networks["traces"] == {"inside", "watch"}
    assert networks["grafana"] == {"watch"}


def test_every_file_that_is_mounted_exists(compose_file: dict[str, Any], repository: Path) -> None:
    for name in WATCHED:
        for volume in compose_file["services"][name]["volumes"]:
            source, _, mode = volume.partition(":")
            if source.startswith("./"):
                assert (repository / source).exists(), volume
                assert mode.endswith(":ro"), volume


def test_the_dashboard_asks_the_provisioned_sources(folder: Path) -> None:
    dashboard = json.loads((folder / "grafana" / "platform.json").read_text(encoding="utf-8"))
    sources = read_yaml(folder / "grafana" / "datasources.yml")["datasources"]
    panels = dashboard["panels"]

    assert {panel["datasource"]["uid"] for panel in panels} <= {one["uid"] for one in sources}
    assert len({panel["id"] for panel in panels}) == len(panels) == 12
    assert len({json.dumps(panel["gridPos"]) for panel in panels}) == len(panels)
    assert all(target["expr"] for panel in panels for target in panel["targets"])


def test_every_alert_says_how_urgent_it_is_and_what_happened(folder: Path) -> None:
    (group,) = read_yaml(folder / "alerts.yml")["groups"]
    names = {rule["alert"] for rule in group["rules"]}
    tests = read_yaml(folder / "alerts.test.yml")["tests"]

    for rule in group["rules"]:
        assert rule["labels"]["severity"] in ("page", "ticket"), rule["alert"]
        assert rule["annotations"]["summary"], rule["alert"]
    tried = {case["alertname"] for test in tests for case in test["alert_rule_test"]}
    assert tried <= names
    assert {"ServiceDown", "ManyErrors", "DeadLetters", "QueueGrows"} <= tried
