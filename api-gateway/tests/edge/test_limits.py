"""Rate limits of the real process, alone and shared between two through Redis."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

JWKS = 'paths = ["/.well-known/jwks.json"]\n'
RULES = """
[[services.{name}.rules]]
match = ["POST /api/{name}/login"]
limits = ["3/hour per address"]

[[services.{name}.rules]]
match = ["GET /api/{name}/mine"]
limits = ["4/hour per user"]
"""


@pytest.fixture
def start_limited(
    start_gateway: Any, shared_recorder: Any, free_port: Callable[[], int]
) -> Callable[..., Any]:
    """Start a gateway with limits, whose names are its own: `start_limited(name, redis_url)`."""

    def start(name: str, redis_url: str, **environ: str) -> Any:
        table = f'[services.{name}]\nprefix = "/api/{name}"\nupstream = "URL"\n{JWKS}'
        table += f'public = ["POST /api/{name}/login", "GET /.well-known/jwks.json"]\n'
        settings = {"URL": shared_recorder.url, "REDIS_URL": redis_url, **environ}
        return start_gateway(table + RULES.format(name=name), settings)

    return start


@pytest.fixture
def name() -> str:
    return f"s{uuid4().hex[:8]}"


def statuses(gateway: Any, times: int, *request: Any) -> list[int]:
    return [gateway.ask(*request).status for _ in range(times)]


def test_over_the_limit_is_429_and_says_which_limit_and_when(
    start_limited: Any, recorder: Any, redis_url: str, name: str
) -> None:
    gateway = start_limited(name, redis_url, CORS_ORIGINS="https://shop.example")
    login = (f"/api/{name}/login", "POST", {"Origin": "https://shop.example"})
    first = gateway.ask(*login)
    assert first.header("ratelimit-policy") == f'"{name}-1-address-3600";q=3;w=3600'
    assert first.header("ratelimit").startswith(f'"{name}-1-address-3600";r=2;t=')
    assert statuses(gateway, 3, *login) == [200, 200, 429]
    refusal = gateway.ask(*login)
    body = json.loads(refusal.body)
    assert (body["code"], body["errors"]) == (
        "gateway.rate_limited",
        [{"field": "rate_limit", "message": f"{name}-1-address-3600"}],
    )
    assert body["request_id"] == refusal.header("x-request-id")
    assert int(refusal.header("retry-after")) > 1000
    assert refusal.header("ratelimit").startswith(f'"{name}-1-address-3600";r=0;t=')
    assert refusal.header("access-control-allow-origin") == "https://shop.example"
    assert len(recorder.heads) == 3


def test_each_user_has_an_own_quota_and_staff_are_not_refused(
    start_limited: Any, recorder: Any, redis_url: str, name: str, auth: Any
) -> None:
    gateway = start_limited(name, redis_url)
    mine = (f"/api/{name}/mine", "GET")
    assert statuses(gateway, 5, *mine, auth()) == [200, 200, 200, 200, 429]
    assert statuses(gateway, 5, *mine, auth()) == [200, 200, 200, 200, 429]
    assert statuses(gateway, 6, *mine, auth(roles=("staff",))) == [200] * 6
    login = (f"/api/{name}/login", "POST")
    # What staff's tools send leaves the quota of their address as it is.
    assert statuses(gateway, 4, *login, auth(roles=("admin",))) == [200] * 4
    assert statuses(gateway, 4, *login) == [200, 200, 200, 429]
    # Public, yet a valid token of an admin counts; one that is not valid does not.
    assert gateway.ask(*login, auth(roles=("admin",))).status == 200
    assert gateway.ask(*login, {"Authorization": "Bearer nonsense"}).status == 429


def test_guessing_tokens_is_limited_too(
    start_gateway: Any, shared_recorder: Any, redis_url: str, name: str
) -> None:
    table = f'[services.{name}]\nprefix = "/api/{name}"\nupstream = "URL"\n{JWKS}'
    table += 'limits = ["3/hour per address"]\n'
    gateway = start_gateway(table, {"URL": shared_recorder.url, "REDIS_URL": redis_url})
    guess = (f"/api/{name}/x", "GET", {"Authorization": "Bearer a.b.c"})
    assert statuses(gateway, 4, *guess) == [401, 401, 401, 429]


def test_two_gateways_share_a_limit(
    start_limited: Any, recorder: Any, redis_url: str, name: str, eventually: Any
) -> None:
    one, two = start_limited(name, redis_url), start_limited(name, redis_url)
    login = (f"/api/{name}/login", "POST")
    assert statuses(one, 2, *login) == [200, 200]

    def told() -> bool:
        # The first request of `two` makes it ask; what it learns shows at one of the next ones.
        return bool(two.ask(*login).status == 429)

    eventually(told, timeout=30)
    passed = len(recorder.heads) - 2
    assert passed <= 3
    eventually(lambda: one.ask(*login).status == 429, timeout=30)


def test_without_redis_each_process_limits_alone_and_says_so(
    start_limited: Any, recorder: Any, free_port: Any, name: str, eventually: Any
) -> None:
    gateway = start_limited(name, f"redis://:s3cret@127.0.0.1:{free_port()}/0")
    assert statuses(gateway, 4, f"/api/{name}/login", "POST") == [200, 200, 200, 429]
    eventually(lambda: "rate limits hold for this process alone" in gateway.log.read_text())
    assert "s3cret" not in gateway.log.read_text()


def test_limits_can_be_switched_off(start_limited: Any, recorder: Any, name: str) -> None:
    gateway = start_limited(name, "", RATE_LIMITS="off")
    assert statuses(gateway, 5, f"/api/{name}/login", "POST") == [200] * 5
