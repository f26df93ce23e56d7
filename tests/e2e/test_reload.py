"""`./platform reload`: the route table changes while the platform runs."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

EXTRA = """
[services.extra]
prefix = "/api/extra"
upstream = "PRODUCTS_URL"
critical = false
public = ["GET /api/extra/*"]
"""


@pytest.fixture
def routes(platform: Any) -> Iterator[Any]:
    """The platform's route table; as it was at the end."""
    before = platform.routes.read_text()
    yield platform.routes
    platform.routes.write_text(before)
    platform.command("reload")


def ask(platform: Any) -> str:
    answer = requests.get(f"http://127.0.0.1:{platform.port}/api/extra/x", timeout=5)
    return str(answer.json()["code"])


def test_a_new_route_is_served_after_reload_by_the_same_process(platform: Any, routes: Any) -> None:
    gateway = platform.process("gateway")["pid"]
    assert ask(platform) == "gateway.unknown_route"
    routes.write_text(routes.read_text() + EXTRA)

    assert "the gateway uses the routes" in platform.command("reload").stdout

    assert ask(platform) == "not_found"  # Said by the service, which does not know the path.
    assert platform.process("gateway")["pid"] == gateway


def test_a_wrong_table_is_refused_with_its_line_and_nothing_changes(
    platform: Any, routes: Any
) -> None:
    line = len(routes.read_text().splitlines()) + 3
    routes.write_text(routes.read_text() + EXTRA.replace("/api/extra", "/extra", 1))

    refused = platform.try_command("reload")

    assert refused.returncode == 1
    assert "not reloaded, the old routes stay" in refused.stderr
    assert f"line {line}: services.extra: prefix must have two segments" in refused.stderr
    assert ask(platform) == "gateway.unknown_route"
