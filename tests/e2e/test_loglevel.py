"""`./platform loglevel` in a whole platform: a service's processes and the gateway."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests


@pytest.fixture
def levels(platform: Any) -> Iterator[Callable[[str, str], str]]:
    """Set a level: `levels("orders", "DEBUG")`; all are as configured afterwards."""
    yield lambda service, level: platform.command("loglevel", service, level).stdout
    for service in ("orders", "gateway"):
        platform.command("loglevel", service, "default")


def lines(platform: Any, process: str) -> list[dict[str, Any]]:
    log = (platform.var / "log" / f"{process}.log").read_text(encoding="utf-8")
    return [json.loads(line) for line in log.splitlines() if line.startswith("{")]


def changed(platform: Any, process: str, to: str) -> int:
    found = (line for line in lines(platform, process) if line["event"] == "log level changed")
    return len([line for line in found if line["to"] == to])


def test_web_and_worker_of_a_service_change_and_others_do_not(
    platform: Any, levels: Callable[[str, str], str], eventually: Callable[..., None]
) -> None:
    processes = ("orders-web", "orders-worker")
    assert levels("orders", "DEBUG") == "orders  DEBUG\n"
    eventually(lambda: all(changed(platform, name, "DEBUG") for name in processes))
    assert levels("orders", "default") == "orders  default (INFO)\n"
    eventually(lambda: all(changed(platform, name, "INFO") for name in processes))
    assert changed(platform, "products-web", "DEBUG") == 0
    logged = [line for name in processes for line in lines(platform, name)]
    chatty = ("urllib3", "pika", "amqp", "kombu")
    noise = [line for line in logged if line["logger"].startswith(chatty)]
    assert [line for line in noise if line["level"] in ("debug", "info")] == []


def test_the_gateway_stops_telling_of_requests_and_begins_again(
    platform: Any, levels: Callable[[str, str], str], eventually: Callable[..., None]
) -> None:
    def told(path: str) -> bool:
        requests.get(f"http://127.0.0.1:{platform.port}{path}", timeout=5)
        return any(line.get("path") == path for line in lines(platform, "gateway"))

    levels("gateway", "WARNING")
    eventually(lambda: changed(platform, "gateway", "WARNING"))
    assert not told("/api/products/quiet")
    levels("gateway", "default")
    # Lines are gathered for a moment: with this one the one before would have been written.
    eventually(lambda: told("/api/products/loud"))
    paths = {line.get("path") for line in lines(platform, "gateway")}
    assert "/api/products/quiet" not in paths
