"""The whole platform in containers, driven through its published port; .ci/run starts it.

The tests share the stack and each leaves it as it found it.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from platform_cli.audit import settle

DASHBOARD = "infrastructure/observability/grafana/platform.json"
RULE_TESTS = "/etc/prometheus/alerts.test.yml"
METRIC = re.compile(r"\b(?:gateway|http|process|rabbitmq|up)_?[a-z_]*\b(?=[{\[ )])")
GATEWAY = "http://127.0.0.1:5000"
# Those with a shell and the usual tools, which is all but none.
READ_ONLY = "id -u; touch /written 2>&1 || true; touch /app/written 2>&1 || true; ls /written"


def instances(stack: Any, service: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = stack.health()["services"][service]["instances"]
    return found


def healthy(stack: Any, service: str) -> int:
    return sum(one["status"] == "healthy" for one in instances(stack, service))


def test_the_gateway_sees_every_service_healthy(stack: Any) -> None:
    health = stack.health()

    assert health["status"] == "healthy", health
    assert len(health["services"]) >= 5


def test_an_order_goes_from_the_catalogue_to_paid_and_the_books_agree(stack: Any) -> None:
    admin = {**os.environ, "ADMIN_PASSWORD": stack.secrets["ADMIN_PASSWORD"]}
    command = [sys.executable, "-m", "platform_cli", "demo", "--url", GATEWAY]

    demo = subprocess.run(command, capture_output=True, text=True, timeout=100, env=admin)

    assert demo.returncode == 0, (demo.stdout + demo.stderr)[-3000:]
    assert "Paid at the second try, charged once" in demo.stdout
    token = stack.client.login("admin@example.com", stack.secrets["ADMIN_PASSWORD"])
    assert [check for check in settle(stack.client, token) if not check.ok] == []


def test_no_process_is_root_and_none_can_write_its_file_system(stack: Any) -> None:
    for service in stack.compose("ps", "--services").split():
        said = stack.try_compose("exec", "-T", service, "sh", "-c", READ_ONLY).stdout
        user, *refusals = said.splitlines()
        assert int(user) > 0, service
        assert any("Read-only file system" in line for line in refusals), (service, refusals)


def test_no_secret_stands_in_a_container_s_description_or_environment(
    stack: Any, inspected: list[dict[str, Any]]
) -> None:
    described = json.dumps(inspected)
    generated = {name: value for name, value in stack.secrets.items() if len(value) == 48}

    assert len(generated) >= 11
    assert [name for name, value in generated.items() if value in described] == []


def test_the_gateway_is_all_that_can_be_reached_from_outside(
    inspected: list[dict[str, Any]],
) -> None:
    published = {
        one["Config"]["Labels"]["com.docker.compose.service"]: sorted(
            {binding["HostPort"] for bindings in ports.values() for binding in bindings or []}
        )
        for one in inspected
        if any((ports := one["NetworkSettings"]["Ports"] or {}).values())
    }

    for name, ports in {"edge": ["443", "80"], "grafana": ["3000"]}.items():
        assert published.pop(name, ports) == ports
    assert published == {"api-gateway": ["5000"]}


@pytest.mark.parametrize("target", [("orders-db", 5432), ("users-db", 5432)])
def test_no_database_can_be_reached_from_the_gateway(stack: Any, target: tuple[str, int]) -> None:
    reached = stack.python(
        "api-gateway", f"import socket; socket.create_connection({target!r}, timeout=3)"
    )

    assert reached.returncode == 1
    assert "gaierror" in reached.stderr or "TimeoutError" in reached.stderr, reached.stderr


def test_a_service_reaches_nothing_outside(stack: Any) -> None:
    reached = stack.python(
        "order-service", "import socket; socket.create_connection(('1.1.1.1', 53), timeout=3)"
    )

    assert reached.returncode == 1
    assert "OSError" in reached.stderr or "TimeoutError" in reached.stderr, reached.stderr


def test_each_image_has_the_packages_of_its_own_service_only(stack: Any) -> None:
    ask = "import importlib.util as u; print([n for n in {!r} if u.find_spec(n)])"
    names = ["argon2", "phonenumbers", "gevent", "celery", "psycopg2", "flask", "pytest", "pip"]
    found = {
        service: stack.python(service, ask.format(names)).stdout.strip()
        for service in ("api-gateway", "user-service", "order-service", "notification-service")
    }

    # pip is the base image's, which is not on the path of the environment.
    assert found == {
        "api-gateway": "['gevent', 'flask']",
        "user-service": "['argon2', 'phonenumbers', 'celery', 'psycopg2', 'flask']",
        "order-service": "['celery', 'psycopg2', 'flask']",
        "notification-service": "['phonenumbers', 'celery', 'psycopg2', 'flask']",
    }


def test_nginx_speaks_tls_in_front_of_the_gateway(stack: Any) -> None:
    if not stack.containers("edge"):
        pytest.skip("the profile edge is off")
    certificate = stack.secrets["SECRETS_FOLDER"] + "/tls.crt"

    answer = requests.get("https://localhost/health/live", verify=certificate, timeout=10)
    plain = requests.get("http://localhost/x", allow_redirects=False, timeout=10)

    assert (answer.status_code, answer.headers["Strict-Transport-Security"]) == (
        200,
        "max-age=31536000",
    )
    assert (plain.status_code, plain.headers["Location"]) == (308, "https://localhost/x")


def test_load_ends_with_figures_and_without_a_failure(stack: Any) -> None:
    if "load" not in stack.compose("config", "--services").split():
        pytest.skip("the profile load is off")

    load = ("load", "--url", "http://api-gateway:5000", "--customers", "2", "--seconds", "5")
    run = stack.try_compose("run", "--rm", "-T", "--no-deps", *load)

    assert run.returncode == 0, run.stdout + run.stderr
    counted = dict(re.findall(r"^(order|pay) +(\d+)", run.stdout, re.MULTILINE))
    assert int(counted["order"]) >= int(counted["pay"]) >= 2, run.stdout


def test_prometheus_finds_every_service_and_the_rules_are_good(stack: Any, eventually: Any) -> None:
    if not stack.containers("prometheus"):
        pytest.skip("the profile observability is off")
    expected = set(stack.health()["services"]) | {"api-gateway"}

    def up() -> set[str]:
        found = stack.prometheus("up == 1")
        return {one["metric"]["job"] for one in found}

    eventually(lambda: len(up()) >= len(expected) + 2, timeout=60)

    assert {"api-gateway", "order-service", "rabbitmq", "rabbitmq-queues"} <= up()
    rules = stack.compose("exec", "-T", "prometheus", "promtool", "test", "rules", RULE_TESTS)
    assert "SUCCESS" in rules


def test_every_panel_of_the_dashboard_asks_for_something_that_exists(
    stack: Any, repository: Path, eventually: Any
) -> None:
    if not stack.containers("prometheus"):
        pytest.skip("the profile observability is off")
    dashboard = json.loads((repository / DASHBOARD).read_text(encoding="utf-8"))
    names = {
        name
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in METRIC.findall(target["expr"])
    }

    eventually(lambda: all(stack.prometheus(f"count({name})") for name in names), timeout=60)

    assert {"gateway_requests_total", "rabbitmq_detailed_queue_messages"} <= names


def test_an_order_is_one_trace_through_all_services(stack: Any, eventually: Any) -> None:
    if "OTLP_URL" not in os.environ or not stack.containers("traces"):
        pytest.skip("the profile observability is off, or OTLP_URL is not set")
    ask = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:4318').read().decode())"

    def longest() -> set[str]:
        traces = json.loads(stack.python("traces", ask).stdout)
        return set(max(traces.values(), key=len, default=()))

    # The demo's, which paid an order some tests ago.
    eventually(lambda: longest() >= {"gateway", "orders", "products", "payments"}, timeout=30)


def test_scaled_instances_are_found_and_a_killed_one_is_not_missed(
    stack: Any, eventually: Any
) -> None:
    stack.scale("order-service", 3)
    eventually(lambda: healthy(stack, "orders") == 3, timeout=60)

    stack.docker("kill", stack.containers("order-service")[-1])
    answers = [requests.get(f"{GATEWAY}/api/orders", timeout=10).status_code for _ in range(60)]

    assert set(answers) == {401}  # The gateway's own; next, what the services answer.
    token = stack.client.login("admin@example.com", stack.secrets["ADMIN_PASSWORD"])
    head = {"Authorization": f"Bearer {token}"}
    lists = [requests.get(f"{GATEWAY}/api/orders", headers=head, timeout=10) for _ in range(60)]
    assert {answer.status_code for answer in lists} == {200}
    eventually(lambda: healthy(stack, "orders") == 2, timeout=30)
    assert stack.health()["status"] in ("healthy", "degraded")

    stack.scale("order-service", 1)
    eventually(lambda: len(instances(stack, "orders")) == 1, timeout=60)
    eventually(lambda: stack.health()["status"] == "healthy", timeout=30)
