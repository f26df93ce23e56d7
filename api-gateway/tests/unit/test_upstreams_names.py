"""Services under names: resolved beside the requests, followed when they move."""

import socket
from collections.abc import Callable
from typing import Any

import gevent
import pytest

from api_gateway.errors import UpstreamTimeout, UpstreamUnreachable
from api_gateway.routes import RouteTable, Timeouts
from api_gateway.upstreams.registry import Upstreams
from api_gateway.upstreams.request import Request
from api_gateway.upstreams.upstream import Upstream

GET = Request("GET", "/x", [])


class Names:
    """A name server with one name. pause: called before each answer."""

    def __init__(self, *ips: str) -> None:
        self.ips = list(ips)
        self.asked = 0
        self.pause: Callable[[], Any] = lambda: None

    def __call__(self, host: str, port: int) -> list[tuple[int, str]]:
        self.asked += 1
        self.pause()
        if not self.ips:
            raise socket.gaierror(socket.EAI_NONAME, host)
        return [(socket.AF_INET, ip) for ip in self.ips]


@pytest.fixture
def two(make_recorder: Callable[..., Any]) -> list[Any]:
    """Two machines that listen on the same port."""
    first = make_recorder("127.0.0.1")
    return [first, make_recorder("127.0.0.2", first.port)]


def body_of(upstream: Upstream) -> bytes:
    answer = upstream.ask(GET)
    return b"".join(answer)


def test_first_request_waits_for_the_name_and_later_ones_do_not(
    two: list[Any], make_route: Callable[..., Any]
) -> None:
    names = Names("127.0.0.1")
    upstream = Upstream(make_route("shop", f"shop.test:{two[0].port}"), names)
    assert [body_of(upstream) for _ in range(3)] == [b"{}"] * 3
    assert names.asked == 1
    assert dict(two[0].fields())["host"] == f"shop.test:{two[0].port}"


def test_requests_that_come_meanwhile_wait_for_the_same_lookup(
    two: list[Any], make_route: Callable[..., Any]
) -> None:
    names, go = Names("127.0.0.1"), gevent.event.Event()
    names.pause = lambda: go.wait(5)
    upstream = Upstream(make_route("shop", f"shop.test:{two[0].port}"), names)
    asking = [gevent.spawn(body_of, upstream) for _ in range(3)]
    gevent.spawn(go.set)
    gevent.joinall(asking, timeout=30, raise_error=True)
    assert ([one.value for one in asking], names.asked) == ([b"{}"] * 3, 1)


def test_name_that_does_not_resolve_is_unreachable(make_route: Callable[..., Any]) -> None:
    upstream = Upstream(make_route("shop", "shop.test:80"), Names())
    with pytest.raises(UpstreamUnreachable, match="The shop service cannot be found"):
        upstream.ask(GET)
    assert upstream.in_flight == 0


def test_name_server_that_hangs_is_a_time_out(make_route: Callable[..., Any]) -> None:
    names, never = Names("127.0.0.1"), gevent.event.Event()
    names.pause = lambda: never.wait(5)
    route = make_route("shop", "shop.test:80", timeouts=Timeouts(0.1, 2.0, 0.0))
    upstream = Upstream(route, names)
    with pytest.raises(UpstreamTimeout, match="was not found in time"):
        upstream.ask(GET)
    never.set()


def test_service_that_moves_is_followed_and_what_runs_ends_where_it_began(
    two: list[Any], make_route: Callable[..., Any]
) -> None:
    names = Names("127.0.0.1")
    upstream = Upstream(make_route("shop", f"shop.test:{two[0].port}"), names)
    two[0].answer = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000
    running = upstream.ask(GET)
    idle = upstream.ask(GET)
    assert len(b"".join(idle)) == 100_000

    names.ips = ["127.0.0.2"]
    upstream.look_up()
    assert [one.endpoint.ip for one in upstream.instances] == ["127.0.0.2"]
    assert two[0].closed.wait(30)
    assert body_of(upstream) == b"{}"
    assert len(b"".join(running)) == 100_000
    assert [len(recorder.heads) for recorder in two] == [2, 1]


def test_new_addresses_of_a_name_become_instances_and_old_ones_keep_their_state(
    two: list[Any], make_route: Callable[..., Any]
) -> None:
    names = Names("127.0.0.1")
    upstream = Upstream(make_route("shop", f"shop.test:{two[0].port}"), names)
    upstream.look_up()
    first = upstream.instances[0]
    names.ips = ["127.0.0.2", "127.0.0.1"]
    upstream.look_up()
    assert upstream.instances[0] is first
    assert [one.endpoint.ip for one in upstream.instances] == ["127.0.0.1", "127.0.0.2"]
    first.in_flight += 1
    assert body_of(upstream) == b"{}"
    assert [len(recorder.heads) for recorder in two] == [0, 1]


def test_started_upstreams_resolve_probe_and_stop(
    two: list[Any], make_route: Callable[..., Any]
) -> None:
    upstreams = Upstreams(RouteTable([make_route("shop", f"localhost:{two[0].port}")]))
    upstreams.start()
    shop = upstreams["shop"]
    with gevent.Timeout(5):
        while not (shop.instances and shop.instances[0].standing.status == "healthy"):
            gevent.sleep(0.01)
    assert two[0].probes == 1
    upstreams.apply(RouteTable([]))
    assert len(upstreams) == 0
    upstreams.stop()
