"""The document of `/health`, and the table of upstreams, without a network."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from api_gateway.health import Health
from api_gateway.routes import Route, RouteTable, Timeouts
from api_gateway.upstreams.breaker import Fault
from api_gateway.upstreams.registry import Upstreams
from api_gateway.upstreams.verdict import Probe

GOOD, BAD = Probe(None, 0.0123, version="1.2"), Probe("answered 503", 0.02)
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
Make = Callable[..., Route]


@pytest.fixture
def upstreams(make_route: Make) -> Upstreams:
    """Two instances of a critical service, and one of an optional one."""
    vital = make_route("vital", "10.0.0.1:80", "10.0.0.2:80")
    return Upstreams(RouteTable([vital, make_route("extra", "10.0.0.3:80", critical=False)]))


def probe(upstreams: Upstreams, *probes: Probe | None) -> None:
    instances = [*upstreams["vital"].instances, *upstreams["extra"].instances]
    for instance, one in zip(instances, probes, strict=True):
        if one is not None:
            instance.standing.probed(one, instance.standing.breaker.epoch)


@pytest.mark.parametrize(
    ("probes", "overall", "vital", "extra"),
    [
        ((GOOD, GOOD, GOOD), "healthy", "healthy", "healthy"),
        ((GOOD, BAD, GOOD), "degraded", "degraded", "healthy"),
        ((GOOD, GOOD, BAD), "degraded", "healthy", "unhealthy"),
        ((BAD, BAD, GOOD), "unhealthy", "unhealthy", "healthy"),
        ((GOOD, None, GOOD), "degraded", "degraded", "healthy"),
        ((BAD, None, GOOD), "degraded", "unknown", "healthy"),
        ((None, None, None), "degraded", "unknown", "unknown"),
    ],
)
def test_health_tells_each_service_and_the_whole(
    upstreams: Upstreams, probes: tuple[Probe | None, ...], overall: str, vital: str, extra: str
) -> None:
    probe(upstreams, *probes)
    report = Health(upstreams).report()
    states = {name: service["status"] for name, service in report["services"].items()}
    assert (report["status"], states) == (overall, {"vital": vital, "extra": extra})


def test_health_says_of_each_instance_how_why_and_since_when(upstreams: Upstreams) -> None:
    probe(upstreams, GOOD, BAD, None)
    report = Health(upstreams).report()
    first, second = report["services"]["vital"]["instances"]
    assert MOMENT.fullmatch(first.pop("since")) and MOMENT.fullmatch(second["since"])
    assert 0 <= first.pop("checked_ago_ms") <= report["age_ms"] < 5000
    assert first == {
        "url": "http://10.0.0.1:80", "status": "healthy", "response_time_ms": 12.3,
        "breaker": "closed", "in_flight": 0, "version": "1.2",
    }  # fmt: skip
    assert (second["status"], second["reason"]) == ("unhealthy", "answered 503")
    assert MOMENT.fullmatch(report["checked_at"])
    vital = {**report["services"]["vital"], "instances": None}
    assert vital == {
        "status": "degraded", "critical": True, "in_flight": 0, "max_in_flight": 256,
        "response_time_ms": 20.0, "instances": None,
    }  # fmt: skip


def test_open_breaker_makes_an_instance_unhealthy_although_its_probes_pass(
    upstreams: Upstreams,
) -> None:
    probe(upstreams, GOOD, GOOD, GOOD)
    standing = upstreams["extra"].instances[0].standing
    for _ in range(5):
        standing.failed(standing.breaker.epoch, Fault.TIMEOUT)
    (extra,) = Health(upstreams).report()["services"]["extra"]["instances"]
    assert (extra["status"], extra["breaker"]) == ("unhealthy", "open")
    assert extra["reason"].startswith("breaker open after 5 failures (no answer in time), next try")


def test_name_that_never_resolved_is_told(make_route: Make) -> None:
    upstreams = Upstreams(RouteTable([make_route("vital", "nowhere.invalid:80")]))
    assert Health(upstreams).report()["services"]["vital"]["status"] == "unknown"
    upstreams["vital"].look_up()
    report = Health(upstreams).report()
    vital = report["services"]["vital"]
    assert (report["status"], vital["status"]) == ("unhealthy", "unhealthy")
    assert (vital["instances"], vital["reason"]) == ([], "its name does not resolve")


def test_unchanged_service_is_kept_whole_by_a_new_table(make_route: Make) -> None:
    upstreams = Upstreams(
        RouteTable([make_route("a", "10.0.0.1:80"), make_route("b", "10.0.0.2:80")])
    )
    a = upstreams["a"]
    upstreams.apply(RouteTable([make_route("c", "10.0.0.3:80"), make_route("a", "10.0.0.1:80")]))
    assert (list(upstreams), len(upstreams)) == (["c", "a"], 2)
    assert upstreams["a"] is a


def test_changed_service_takes_what_is_new_and_keeps_its_instances(make_route: Make) -> None:
    upstreams = Upstreams(RouteTable([make_route("a", "10.0.0.1:80", "10.0.0.2:80")]))
    a = upstreams["a"]
    first = a.instances[0]
    first.standing.failed(0, Fault.TIMEOUT)
    changed = make_route(
        "a", "10.0.0.3:80", "10.0.0.1:80", timeouts=Timeouts(9, 9, 9), max_in_flight=7
    )
    upstreams.apply(RouteTable([changed]))
    assert upstreams["a"] is a
    assert [one.endpoint.ip for one in a.instances] == ["10.0.0.3", "10.0.0.1"]
    assert a.instances[1] is first
    assert a.route is changed
    assert a.snapshot()["max_in_flight"] == 7


def test_snapshot_has_the_numbers_of_services_and_instances(upstreams: Upstreams) -> None:
    probe(upstreams, GOOD, BAD, None)
    instance = upstreams["vital"].instances[0]
    for _ in range(5):
        instance.standing.failed(0, Fault.RESET)
    numbers: dict[str, Any] = upstreams.snapshot()["vital"]
    first, second = numbers.pop("instances")
    assert numbers == {"in_flight": 0, "max_in_flight": 256, "refused": 0}
    assert first == {
        "url": "http://10.0.0.1:80", "up": False, "breaker": "open", "breaker_open": True,
        "in_flight": 0, "failures": 5, "ejections": 1, "retries": 0,
    }  # fmt: skip
    assert (second["up"], second["breaker"]) == (False, "closed")
