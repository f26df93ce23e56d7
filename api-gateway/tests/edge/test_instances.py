"""Several instances, one that dies, one that does not accept; keys that cannot be had."""

import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest


@pytest.fixture
def pair(make_recorder: Callable[[], Any], jwks: dict[str, Any]) -> list[Any]:
    """Two upstreams of their own, which may be stopped."""
    made = [make_recorder(), make_recorder()]
    made[0].fix("/.well-known/jwks.json", jwks)
    return made


@pytest.fixture
def deaf() -> Iterator[int]:
    """A port that neither accepts nor refuses: its queue of connections is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port: int = listener.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", port))
        yield port
        for sock in waiting:
            sock.close()


def start(start_gateway: Any, service_table: Any, **urls: str) -> Any:
    keys = 'paths = ["/.well-known/jwks.json"]\nconnect_timeout = 0.3'
    table = service_table("echo", "ECHO_URL", keys)
    return start_gateway(table + service_table("guarded", "GUARDED_URL", "", []), urls)


def test_dead_instance_loses_no_request(
    start_gateway: Any, service_table: Any, pair: list[Any]
) -> None:
    url = f"{pair[0].url},{pair[1].url}"
    gateway = start(start_gateway, service_table, ECHO_URL=url, GUARDED_URL=url)
    while not all(recorder.heads for recorder in pair):
        assert gateway.ask("/api/echo/x").status == 200

    pair[1].handler = lambda *_: False  # Its open connections end at the next request.
    pair[1].stop()
    assert {gateway.ask("/api/echo/x").status for _ in range(6)} == {200}
    assert {gateway.ask("/api/echo/x", "POST", body=b"x").status for _ in range(6)} == {200}


def test_keys_come_from_any_instance_and_their_absence_is_503(
    start_gateway: Any, service_table: Any, pair: list[Any], auth: Any, free_port: Any
) -> None:
    dead = f"http://127.0.0.1:{free_port()}"
    urls = {"ECHO_URL": f"{dead},{pair[0].url}", "GUARDED_URL": pair[0].url}
    gateway = start(start_gateway, service_table, **urls)
    assert gateway.ask("/api/guarded/x", headers=auth()).status == 200

    urls["ECHO_URL"] = dead
    gateway = start(start_gateway, service_table, **urls)
    reply = gateway.ask("/api/guarded/x", headers=auth())
    assert (reply.status, json.loads(reply.body)["code"]) == (503, "jwks_unavailable")
    assert reply.header("retry-after") == "1"


def test_service_that_does_not_accept_in_time_is_504(
    start_gateway: Any, service_table: Any, pair: list[Any], deaf: int
) -> None:
    url = f"http://127.0.0.1:{deaf}"
    gateway = start(start_gateway, service_table, ECHO_URL=url, GUARDED_URL=pair[0].url)
    reply = gateway.ask("/api/echo/x", "POST", body=b"x")
    assert (reply.status, json.loads(reply.body)["code"]) == (504, "gateway.upstream_timeout")
