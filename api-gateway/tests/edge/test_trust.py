"""Proxies in front, revoked tokens, security headers, and numbers for Prometheus."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any
from uuid import uuid4

import pytest
import redis
from prometheus_client.parser import text_string_to_metric_families

from chassis.denylist import Denylist

FORGED = {
    "X-Forwarded-For": "198.51.100.7",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "public.example",
}


@pytest.fixture(scope="module")
def behind(
    start_gateway: Any, service_table: Callable[..., str], shared_recorder: Any, redis_url: str
) -> Any:
    """A gateway that trusts a proxy on this machine, and uses Redis."""
    table = service_table("echo", "URL", 'paths = ["/.well-known/jwks.json"]')
    table += service_table("guarded", "URL", public=[])
    environ = {
        "URL": shared_recorder.url, "TRUSTED_PROXIES": "127.0.0.0/8", "HSTS_SECONDS": "3600",
        "REDIS_URL": redis_url,
    }  # fmt: skip
    return start_gateway(table, environ)


def sent_on(recorder: Any) -> tuple[str, str, str]:
    fields = dict(recorder.fields())
    return fields["x-forwarded-for"], fields["x-forwarded-proto"], fields["x-forwarded-host"]


def test_forwarding_headers_of_a_stranger_are_replaced(gateway: Any, recorder: Any) -> None:
    gateway.ask("/api/echo/x", headers=FORGED)
    assert sent_on(recorder) == ("127.0.0.1", "http", "shop.example")


def test_forwarding_headers_of_a_trusted_proxy_are_believed(behind: Any, recorder: Any) -> None:
    reply = behind.ask("/api/echo/x", headers=FORGED)
    assert sent_on(recorder) == ("198.51.100.7", "https", "public.example")
    assert reply.header("strict-transport-security") == "max-age=3600; includeSubDomains"
    headers = {**FORGED, "X-Forwarded-Host": "evil\texample"}
    assert behind.ask("/api/echo/x", headers=headers).status == 200
    assert sent_on(recorder)[2] == "shop.example"


def test_security_headers_are_added_where_a_service_sent_none(gateway: Any, recorder: Any) -> None:
    recorder.answer = (
        b"HTTP/1.1 200 OK\r\nx-frame-options: SAMEORIGIN\r\nContent-Length: 2\r\n\r\n{}"
    )
    reply = gateway.ask("/api/echo/x")
    assert reply.header("x-frame-options") == "SAMEORIGIN"
    assert reply.header("x-content-type-options") == "nosniff"
    assert reply.header("referrer-policy") == "no-referrer"
    names = [name for name, _ in reply.headers]
    assert "content-security-policy" not in names and "strict-transport-security" not in names
    own = gateway.ask("/nothing")
    policy = "default-src 'none'; frame-ancestors 'none'"
    assert (own.header("content-security-policy"), own.header("cache-control")) == (
        policy, "no-store",
    )  # fmt: skip


@pytest.fixture
def denylist(redis_url: str) -> Iterator[Denylist]:
    with closing(redis.Redis.from_url(redis_url, decode_responses=True)) as client:
        yield Denylist(client)


@pytest.mark.parametrize("by_subject", [False, True])
def test_revoked_token_is_refused_although_it_was_seen_before(
    behind: Any, recorder: Any, denylist: Any, token: Any, eventually: Any, by_subject: bool
) -> None:
    jti, user = str(uuid4()), uuid4()
    headers = {"Authorization": f"Bearer {token(user, jti=jti)}"}
    ask = ("/api/guarded/x", "GET", headers)
    assert behind.ask(*ask).status == 200
    if by_subject:
        denylist.deny_subject(str(user), 60)
    else:
        denylist.deny_token(jti, 60)
    eventually(lambda: behind.ask(*ask).status == 401, timeout=30)
    assert json.loads(behind.ask(*ask).body)["code"] == "token_revoked"
    other = {"Authorization": f"Bearer {token()}"}
    assert behind.ask("/api/guarded/x", "GET", other).status == 200


def test_token_revoked_before_it_was_ever_seen_is_refused(
    behind: Any, recorder: Any, denylist: Any, token: Any
) -> None:
    jti = str(uuid4())
    denylist.deny_token(jti, 60)
    headers = {"Authorization": f"Bearer {token(jti=jti)}"}
    assert behind.ask("/api/guarded/x", "GET", headers).status == 401


def number(gateway: Any, name: str, **labels: str) -> float:
    """Return one of the gateway's numbers, 0 where it is not there."""
    for family in text_string_to_metric_families(gateway.ask("/metrics").body.decode()):
        for sample in family.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                return sample.value
    return 0.0


def test_numbers_of_requests_are_there_for_prometheus(
    gateway: Any, recorder: Any, eventually: Any
) -> None:
    invented = {"service": "echo", "method": "other", "status": "200"}
    before = number(gateway, "gateway_requests_total", **invented)
    times = number(gateway, "gateway_request_duration_seconds_count", service="echo")
    for method in ("PROPFIND", "QUERY"):
        gateway.ask("/api/echo/x", method)

    def counted() -> bool:
        return number(gateway, "gateway_requests_total", **invented) == before + 2

    eventually(counted)
    assert number(gateway, "gateway_request_duration_seconds_count", service="echo") >= times + 2
    assert number(gateway, "process_resident_memory_bytes") > 10_000_000
    assert b"/api/echo" not in gateway.ask("/metrics").body


def test_numbers_do_not_exist_for_strangers(behind: Any) -> None:
    stranger = {"X-Forwarded-For": "203.0.113.9"}
    assert behind.ask("/metrics", headers=stranger).status == 404
    assert behind.ask("/metrics").status == 200
