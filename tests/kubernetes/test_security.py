"""Nobody is root, nothing is writable, no secret is in a manifest, and nobody reaches anybody."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from platform_cli.containers import env, secret_files
from platform_cli.manifest import Manifest

from .conftest import MANIFESTS, Document, Rendered, container, environment

PRODUCED_ELSEWHERE = {"shop-tls", "backup-credentials"}
SECRET = re.compile(r"PASSWORD|PASS$|SECRET|_KEY|DATABASE_URL|REDIS_URL|BROKER_URL")


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The keys of every Secret that secrets.py makes of what `./platform init` writes."""
    folder: Path = tmp_path_factory.mktemp("init")
    secret_files.write_all(folder / "secrets", env.complete(folder / ".env"))
    command = [sys.executable, str(MANIFESTS / "secrets.py"), str(folder / "secrets")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    items = json.loads(done.stdout)["items"]
    return {one["metadata"]["name"]: set(one["stringData"]) for one in items}


def test_every_pod_keeps_to_the_restricted_standard(rendered: Rendered) -> None:
    for name, pod in rendered.pods().items():
        spec, one = pod["spec"], container(pod)
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["runAsUser"] >= 999, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert one["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec), name


def test_every_container_has_requests_and_limits(rendered: Rendered) -> None:
    found = {name: container(pod)["resources"] for name, pod in rendered.pods().items()}
    operated = rendered.of("Cluster", "RabbitmqCluster")
    found |= {name: one["spec"]["resources"] for name, one in operated.items()}
    for name, resources in found.items():
        assert set(resources["requests"]) == set(resources["limits"]) == {"cpu", "memory"}, name


def test_every_mounted_secret_is_one_that_exists(
    rendered: Rendered, secrets: dict[str, set[str]]
) -> None:
    for name, pod in rendered.pods().items():
        files = mounted(pod, secrets)
        for variable, value in environment(pod).items():
            if variable.endswith("_FILE"):
                assert value.removeprefix("/run/secrets/") in files, (name, variable)
            elif value is not None:
                assert not SECRET.search(variable), (name, variable)


def mounted(pod: Document, secrets: dict[str, set[str]]) -> set[str]:
    files: set[str] = set()
    for volume in pod["spec"]["volumes"]:
        for source in volume.get("projected", {}).get("sources", []):
            secret = source["secret"]
            keys = {item["key"] for item in secret.get("items", [])}
            assert keys <= secrets[secret["name"]]
            files |= keys or secrets[secret["name"]]
    return files


def test_every_other_reference_to_a_secret_exists(
    rendered: Rendered, secrets: dict[str, set[str]]
) -> None:
    (admin,) = [
        one["valueFrom"]["secretKeyRef"]
        for one in container(rendered.pods()["users-migrate"])["env"]
        if "valueFrom" in one
    ]
    (host,) = rendered.of("TriggerAuthentication")["broker"]["spec"]["secretTargetRef"]
    rabbitmq = rendered.of("RabbitmqCluster")["rabbitmq"]["spec"]["secretBackend"]
    for name, one in rendered.of("Cluster").items():
        owner = one["spec"]["bootstrap"]["initdb"]["secret"]["name"]
        assert secrets[owner] == {"username", "password"}, name

    assert admin["key"] in secrets[admin["name"]]
    assert host["key"] in secrets[host["name"]]
    assert "default_user.conf" in secrets[rabbitmq["externalSecret"]["name"]]


def test_no_manifest_is_a_secret(rendered: Rendered) -> None:
    assert rendered.of("Secret") == {}


def test_the_gateway_gets_one_secret_and_no_database(rendered: Rendered) -> None:
    (volume,) = [
        one for one in rendered.pods()["api-gateway"]["spec"]["volumes"] if "projected" in one
    ]
    (source,) = volume["projected"]["sources"]

    assert source["secret"]["items"] == [{"key": "redis_url", "path": "redis_url"}]


def test_nobody_reaches_anybody_by_default(rendered: Rendered) -> None:
    policy = rendered.of("NetworkPolicy")["nothing-by-default"]["spec"]

    assert policy == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def matches(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    wanted = selector.get("matchLabels", {})
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        one["key"] in labels
        if one["operator"] == "Exists"
        else labels.get(one["key"]) in one["values"]
        for one in selector.get("matchExpressions", [])
    )


def reached_from(rendered: Rendered, labels: dict[str, str], port: int | str) -> set[str]:
    """Return the pods that policies let in at a port of pods with these labels, by name."""
    found: set[str] = set()
    for policy in rendered.of("NetworkPolicy").values():
        if not matches(policy["spec"]["podSelector"], labels):
            continue
        for rule in policy["spec"].get("ingress", []):
            if not any(one["port"] == port for one in rule["ports"]):
                continue
            peers = [one["podSelector"] for one in rule["from"] if "podSelector" in one]
            found |= {
                name
                for name, pod in rendered.ours().items()
                if any(matches(peer, pod["metadata"]["labels"]) for peer in peers)
            }
    return found


def allowed_out(rendered: Rendered, source: str, labels: dict[str, str]) -> bool:
    own = rendered.ours()[source]["metadata"]["labels"]
    return any(
        matches(peer["podSelector"], labels)
        for policy in rendered.of("NetworkPolicy").values()
        if matches(policy["spec"]["podSelector"], own)
        for rule in policy["spec"].get("egress", [])
        for peer in rule.get("to", [])
        if "podSelector" in peer
    )


def test_the_gateway_reaches_services_and_services_only_whom_they_ask(
    rendered: Rendered, services: tuple[Manifest, ...]
) -> None:
    webs = {one.folder.name for one in services}
    for one in services:
        labels = rendered.ours()[one.folder.name]["metadata"]["labels"]
        expected = {"api-gateway"}
        if one.name == "users":
            expected |= webs
        if one.name in ("products", "payments"):
            expected |= {"order-service"}
        assert reached_from(rendered, labels, "http") == expected, one.name
        out = {name for name in rendered.ours() if allowed_out(rendered, name, labels)}
        assert out == expected, one.name


def test_a_database_is_reached_by_its_own_service_only(
    rendered: Rendered, services: tuple[Manifest, ...]
) -> None:
    for one in services:
        labels = {"cnpg.io/cluster": f"{one.name}-db"}
        own = {one.folder.name, f"{one.name}-worker", f"{one.name}-migrate"}
        assert reached_from(rendered, labels, 5432) == own
        assert {name for name in rendered.ours() if allowed_out(rendered, name, labels)} == own


def test_only_workers_that_call_providers_reach_the_internet(rendered: Rendered) -> None:
    label = {"platform/reaches": "internet"}
    found = {
        name
        for name, pod in rendered.ours().items()
        if label.items() <= pod["metadata"]["labels"].items()
    }

    assert found == {"payments-worker", "notifications-worker"}
    (rule,) = rendered.of("NetworkPolicy")["to-the-internet"]["spec"]["egress"]
    assert "10.0.0.0/8" in rule["to"][0]["ipBlock"]["except"]


def test_every_pod_is_under_a_policy_and_a_disruption_budget(rendered: Rendered) -> None:
    budgets = [
        one["spec"]["selector"]["matchLabels"]
        for one in rendered.of("PodDisruptionBudget").values()
    ]
    for name, one in rendered.of("Deployment").items():
        labels = one["spec"]["template"]["metadata"]["labels"]
        assert sum(budget.items() <= labels.items() for budget in budgets) == 1, name
        assert one["spec"]["selector"]["matchLabels"].items() <= labels.items(), name
        assert len(one["spec"]["template"]["spec"]["topologySpreadConstraints"]) == 2, name
