"""The cache without its Redis, and what a commit or a rollback does to it."""

import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from uuid import uuid4

import pytest
import redis
from demo_service import create_app
from flask import Flask

from chassis import cache
from chassis.cache import Cache, NoCache
from chassis.cache_store import Store
from chassis.database import after_commit, transaction


class MoodyStore(Store):
    """A store whose Redis is away when the test says so."""

    away = False

    def forget(self, keys: Iterable[str]) -> bool:
        if self.away:
            raise redis.ConnectionError("away")
        return super().forget(keys)


@pytest.fixture
def store(redis_url: str) -> Iterator[MoodyStore]:
    client = redis.Redis.from_url(redis_url, socket_timeout=2)
    name = f"test.{uuid4().hex}"
    yield MoodyStore(client, name, version="1", ttl=60, jitter=0.1, lease=5)
    client.close()


@pytest.fixture
def events() -> Counter[str]:
    return Counter()


@pytest.fixture
def kept(store: MoodyStore, events: Counter[str]) -> Iterator[Cache]:
    kept = Cache(store, patience=5, count=lambda event: events.update([event]))
    yield kept
    kept.close()


@pytest.fixture
def silent_port() -> Iterator[tuple[int, Callable[[], int]]]:
    """A port that takes connections and never answers, and how many it took."""
    taken: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def take() -> None:
            while True:
                try:
                    taken.append(server.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=take)
        thread.start()
        yield server.getsockname()[1], lambda: len(taken)
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
    for connection in taken:
        connection.close()


def without_redis(port: int, events: Counter[str]) -> Cache:
    client = redis.Redis.from_url(
        f"redis://127.0.0.1:{port}/0", socket_timeout=0.1, socket_connect_timeout=0.1
    )
    store = Store(client, "test", version="1", ttl=60, jitter=0.1, lease=5)
    return Cache(store, patience=5, count=lambda event: events.update([event]))


def test_reads_load_and_writes_go_on_while_redis_is_away(
    closed_port: int, events: Counter[str]
) -> None:
    away = without_redis(closed_port, events)
    away.forget(["k"])
    assert [away.read("k", lambda: b"x") for _ in range(100)] == [b"x"] * 100
    assert events["bypass"] == 100
    away.close()


def test_a_redis_that_hangs_is_waited_for_once(
    silent_port: tuple[int, Callable[[], int]], events: Counter[str]
) -> None:
    port, connections = silent_port
    hung = without_redis(port, events)
    assert [hung.read("k", lambda: b"x") for _ in range(100)] == [b"x"] * 100
    assert (events["error"], connections()) == (1, 1)
    assert events["bypass"] == 100


def test_what_could_not_be_forgotten_is_forgotten_when_redis_is_back(
    kept: Cache, store: MoodyStore, events: Counter[str], eventually: Callable[..., None]
) -> None:
    kept.read("k", lambda: b"old")
    store.away = True
    kept.forget(["k"])
    assert kept.read("k", lambda: b"new") == b"new" and events["bypass"] == 1
    store.away = False
    other = Cache(store, patience=5, count=lambda event: None)
    assert other.read("k", lambda: b"new") == b"old"
    eventually(lambda: other.read("k", lambda: b"new") == b"new")
    eventually(lambda: kept.read("k", lambda: b"newer") == b"new" and events["hit"])


def test_a_commit_forgets_and_a_rollback_does_not(app: Flask, kept: Cache) -> None:
    kept.read("k", lambda: b"old")
    with app.app_context():
        with pytest.raises(LookupError), transaction() as session:
            kept.forget_after_commit(session, ["k"])
            raise LookupError
        with transaction():
            pass
        assert kept.read("k", lambda: b"new") == b"old"
        with transaction() as session:
            kept.forget_after_commit(session, ["k"])
            assert kept.read("k", lambda: b"new") == b"old"
        assert kept.read("k", lambda: b"new") == b"new"


def test_actions_run_once_after_the_outermost_commit(app: Flask) -> None:
    given: list[set[str]] = []
    with app.app_context(), transaction() as session:
        with transaction() as inner:
            after_commit(inner, given.append, ["a", "b"])
        after_commit(session, given.append, ["b", "c"])
        assert given == []
    assert given == [{"a", "b", "c"}]


def test_a_failing_action_leaves_the_commit_and_the_other_actions(app: Flask) -> None:
    given: list[set[str]] = []

    def fail(_items: set[str]) -> None:
        raise LookupError

    with app.app_context(), transaction() as session:
        after_commit(session, fail, ["a"])
        after_commit(session, given.append, ["b"])
    assert given == [{"b"}]


def test_reads_are_counted_at_metrics(services: Any, service: str, redis_url: str) -> None:
    app = create_app(services.config(service))
    for name in ("thing", "other"):
        cache.add(app, name, version=uuid4().hex, ttl=60, url=redis_url)
    with app.app_context():
        for _ in range(3):
            assert cache.named("thing").read("k", lambda: b"x") == b"x"
    text = app.test_client().get("/metrics").text
    assert 'cache_events_total{cache="thing",event="miss"} 1.0' in text
    assert 'cache_events_total{cache="thing",event="hit"} 2.0' in text
    assert 'cache_events_total{cache="other",event="hit"} 0.0' in text


def test_a_ttl_of_zero_switches_the_cache_off(app: Flask) -> None:
    cache.add(app, "off", version="1", ttl=0, url="redis://127.0.0.1:1/0")
    with app.app_context(), transaction() as session:
        off = cache.named("off")
        assert isinstance(off, NoCache)
        assert [off.read("k", lambda: b"a"), off.read("k", lambda: b"b")] == [b"a", b"b"]
        off.forget_after_commit(session, ["k"])
