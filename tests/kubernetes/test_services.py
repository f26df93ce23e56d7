"""Every service is there whole, as its folder and docker-compose.yml have it."""

from types import SimpleNamespace
from typing import Any

import pytest

from api_gateway.config import Config
from api_gateway.server.options import gunicorn_options as gateway_options
from chassis.main import gunicorn_options
from chassis.messaging.rabbitmq_topology import queue_name
from chassis.rpc.celery_message import queue_of
from chassis.worker import SHUTDOWN_SECONDS
from platform_cli.manifest import WORKER_OFFSET, Manifest

from .conftest import MANIFESTS, REPOSITORY, Rendered, container, environment, image

ROLES = ("worker", "migrate")


def composed(name: str, compose: dict[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in compose[name]["environment"].items()}


def test_each_service_has_a_file_of_its_own_name(services: tuple[Manifest, ...]) -> None:
    files = {file.stem for file in (MANIFESTS / "base" / "services").glob("*.yaml")}

    assert files == {one.name for one in services}


def test_the_file_that_new_service_copies_names_no_other_service(
    services: tuple[Manifest, ...],
) -> None:
    # `./platform new-service` copies this one.
    text = (MANIFESTS / "base" / "services" / "orders.yaml").read_text(encoding="utf-8")

    others = [one.name for one in services if one.name != "orders" and one.name in text]
    assert others == []


def test_every_service_has_everything(rendered: Rendered, services: tuple[Manifest, ...]) -> None:
    for one in services:
        web, worker = one.folder.name, f"{one.name}-worker"
        assert {web, worker} <= set(rendered.of("Deployment"))
        assert f"{one.name}-migrate" in rendered.of("Job")
        assert web in rendered.of("HorizontalPodAutoscaler")
        assert worker in rendered.of("ScaledObject")
        assert {web, worker} <= set(rendered.of("PodDisruptionBudget"))
        assert {f"{one.name}-db", f"{one.name}-to-database"} <= set(rendered.of("NetworkPolicy"))
        assert f"{one.name}-db" in rendered.of("Cluster")


def test_production_has_poolers_and_backups(
    production: Rendered, services: tuple[Manifest, ...]
) -> None:
    assert set(production.of("Pooler")) == {f"{one.name}-pooler" for one in services}
    assert set(production.of("ScheduledBackup")) == {f"{one.name}-db" for one in services}


def test_images_are_those_of_compose_with_a_version(
    rendered: Rendered, compose: dict[str, Any]
) -> None:
    built = {one["image"] for name, one in compose.items() if "build" in one and name != "load"}
    for pod in rendered.ours().values():
        _, path, version = image(pod).replace("/platform/", " platform/").replace(":", " ").split()
        assert path in built
        assert version not in ("latest", "version")
    assert image(rendered.pods()["redis"]) == compose["redis"]["image"]
    assert rendered.of("RabbitmqCluster")["rabbitmq"]["spec"]["image"] == "rabbitmq:4-management"
    assert compose["rabbitmq"]["image"] == "rabbitmq:4-management"


def test_ports_and_addresses_are_those_of_compose(
    rendered: Rendered, compose: dict[str, Any], services: tuple[Manifest, ...]
) -> None:
    pods, (settings,) = rendered.pods(), rendered.of("ConfigMap").values()
    for one in services:
        web, worker = pods[one.folder.name], pods[f"{one.name}-worker"]
        assert container(web)["ports"] == [{"name": "http", "containerPort": one.port}]
        assert environment(web)["PORT"] == str(one.port)
        assert environment(worker)["WORKER_PORT"] == str(one.port + WORKER_OFFSET)
        url = f"http://{one.folder.name}:{one.port}"
        assert settings["data"][f"{one.name.upper()}_URL"] == url
        assert composed(one.folder.name, compose)[f"{one.name.upper()}_URL"] == url
        service = rendered.of("Service")[one.folder.name]["spec"]
        assert (service["clusterIP"], service["ports"][0]["port"]) == ("None", one.port)


def test_services_get_what_compose_gives_them(
    rendered: Rendered, compose: dict[str, Any], services: tuple[Manifest, ...]
) -> None:
    (settings,) = rendered.of("ConfigMap").values()
    # What has a default for one machine, or is chosen for it.
    left = {"PORT", "WORKER_PORT", "CORS_ORIGINS", "OTLP_URL"}
    processes = [f"{one.name}-{role}" for one in services for role in ROLES]
    for name in ("api-gateway", *(one.folder.name for one in services), *processes):
        given = {*environment(rendered.pods()[name]), *settings["data"]}
        assert set(composed(name, compose)) - given <= left, name


def test_queues_that_scale_a_worker_are_its_own(
    rendered: Rendered, services: tuple[Manifest, ...]
) -> None:
    for one in services:
        spec = rendered.of("ScaledObject")[f"{one.name}-worker"]["spec"]
        queues = [trigger["metadata"]["queueName"] for trigger in spec["triggers"]]
        assert queues == [queue_name(one.name), queue_of(one.name)]
        assert spec["scaleTargetRef"] == {"name": f"{one.name}-worker"}


def test_probes_ask_what_the_processes_answer(rendered: Rendered) -> None:
    for name, pod in rendered.ours().items():
        one = container(pod)
        if one["name"] == "migrate":
            continue
        (port,) = one["ports"]
        paths = {
            kind: one[kind]["httpGet"]["path"]
            for kind in ("startupProbe", "livenessProbe", "readinessProbe")
        }
        assert paths == {
            "startupProbe": "/health/live",
            "livenessProbe": "/health/live",
            "readinessProbe": "/health/ready",
        }, name
        assert {one[kind]["httpGet"]["port"] for kind in paths} == {port["name"]}, name
        assert one["args"] == ["worker" if one["name"] == "worker" else "web"], name
    for file in (
        "shared/chassis/health.py",
        "shared/chassis/worker/health.py",
        "api-gateway/api_gateway/pages.py",
    ):
        text = (REPOSITORY / file).read_text(encoding="utf-8")
        assert '"/health/live"' in text and '"/health/ready"' in text, file


@pytest.mark.parametrize("role", ["web", "gateway", "worker"])
def test_pods_get_the_time_that_their_process_takes_to_end(
    rendered: Rendered, role: str, services: tuple[Manifest, ...]
) -> None:
    needed = {"web": graceful_timeout(), "gateway": gateway_timeout(), "worker": SHUTDOWN_SECONDS}
    for name, pod in rendered.ours().items():
        one = container(pod)
        if one["name"] == role:
            before = one.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
            assert (before > 5) == (role != "worker"), name
            assert pod["spec"]["terminationGracePeriodSeconds"] >= before + needed[role] + 5, name


def graceful_timeout() -> float:
    settings = SimpleNamespace(host="", port=0, web_workers=1, web_threads=1, log_level="INFO")
    app: Any = SimpleNamespace(
        config={"SETTINGS": settings}, extensions={"platform": SimpleNamespace(name="orders")}
    )
    return float(gunicorn_options(app)["graceful_timeout"])


def gateway_timeout() -> float:
    return float(gateway_options(Config())["graceful_timeout"])


def test_locks_of_a_session_do_not_pass_the_pooler(rendered: Rendered) -> None:
    for name, pod in rendered.ours().items():
        if container(pod)["name"] in ("worker", "migrate"):
            assert environment(pod)["DATABASE_URL_FILE"] == "/run/secrets/database_url", name


def test_postgres_is_of_the_same_major_version_as_in_compose(
    rendered: Rendered, compose: dict[str, Any]
) -> None:
    images = {one["spec"]["imageName"] for one in rendered.of("Cluster").values()}

    major = compose["orders-db"]["image"].split(":")[1]
    assert {image.split(":")[1] for image in images} == {major}
