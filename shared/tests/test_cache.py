"""The cache: one load for many readers, and never a value from before an invalidation."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
import redis

from chassis.cache import Cache
from chassis.cache_store import Found, Store

Make = Callable[..., "Process"]


class CountingStore(Store):
    """A store that tells how often a lease was asked for."""

    asked = 0

    def take(self, key: str) -> Found:
        self.asked += 1
        return super().take(key)


class Process:
    """A cache as one process has it, with how often what happened."""

    def __init__(self, client: Any, name: str, version: str, patience: float, lease: float) -> None:
        self.events: Counter[str] = Counter()
        self.store = CountingStore(client, name, version=version, ttl=60, jitter=0.1, lease=lease)
        self.cache = Cache(
            self.store, patience=patience, count=lambda event: self.events.update([event])
        )

    def read(self, value: bytes) -> bytes:
        return self.cache.read("k", lambda: value)


@pytest.fixture
def client(redis_url: str) -> Iterator[Any]:
    client = redis.Redis.from_url(redis_url, socket_timeout=2)
    yield client
    client.close()


@pytest.fixture
def process(client: Any) -> Make:
    """Make a process that shares its cache with the others of this test."""
    name = f"test.{uuid4().hex}"
    return lambda version="1", patience=10.0, lease=10.0: Process(
        client, name, version, patience, lease
    )


@pytest.mark.parametrize("value", [b"", b"\n", b'{"a": 1}\n{"b": 2}', bytes(range(256))])
def test_a_value_is_loaded_once_for_all_processes(process: Make, value: bytes) -> None:
    one, two = process(), process()
    assert [one.read(value), one.read(b"other"), two.read(b"other")] == [value] * 3
    assert one.events == {"miss": 1, "hit": 1}
    assert two.events == {"hit": 1}


def test_another_version_never_sees_the_value_but_forgets_it(process: Make) -> None:
    old, new = process("1"), process("2")
    old.read(b"old shape")
    assert new.read(b"new shape") == b"new shape"
    assert old.read(b"again") == b"old shape"
    new.cache.forget(["k"])
    assert (old.read(b"again"), new.read(b"again")) == (b"again", b"again")


def test_forgetting_all_leaves_no_key_out_and_other_caches_alone(
    process: Make, client: Any
) -> None:
    one, other = process(), Process(client, f"test.{uuid4().hex}", "1", 1.0, 1.0)
    for cache in (one.cache, other.cache):
        cache.read("a", lambda: b"old")
        cache.read("b", lambda: b"old")
    one.cache.forget_all()
    assert [one.cache.read(key, lambda: b"new") for key in "ab"] == [b"new", b"new"]
    assert [other.cache.read(key, lambda: b"new") for key in "ab"] == [b"old", b"old"]


def test_forgetting_one_key_leaves_the_others(process: Make) -> None:
    one = process()
    for key in "ab":
        one.cache.read(key, lambda: b"old")
    one.cache.forget(["a"])
    assert [one.cache.read(key, lambda: b"new") for key in "ab"] == [b"new", b"old"]


def test_values_made_together_end_at_different_times(process: Make, client: Any) -> None:
    one = process()
    for number in range(30):
        one.cache.read(str(number), lambda: b"x")
    left = [client.pttl(one.store._keys(str(number))[0]) for number in range(30)]
    assert 53_000 < min(left) < max(left) <= 60_000
    assert len(set(left)) > 15


@pytest.mark.parametrize("processes", [1, 3])
def test_one_caller_loads_and_the_others_share(process: Make, processes: int) -> None:
    caches = [process().cache for _ in range(processes)]
    loads, loading, go_on = [], threading.Event(), threading.Event()

    def load() -> bytes:
        loads.append(1)
        loading.set()
        assert go_on.wait(10)
        return b"x"

    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(caches[0].read, "k", load)
        assert loading.wait(10)
        others = [pool.submit(caches[n % processes].read, "k", load) for n in range(8)]
        go_on.set()
        assert {answer.result() for answer in (first, *others)} == {b"x"}
    assert loads == [1]


@pytest.mark.parametrize("same_process", [True, False])
def test_waiting_for_anothers_load_has_a_bound(process: Make, same_process: bool) -> None:
    slow = process(patience=0.05)
    impatient = slow if same_process else process(patience=0.05)

    def load() -> bytes:
        assert impatient.read(b"own") == b"own"
        return b"slow"

    assert slow.cache.read("k", load) == b"slow"
    assert impatient.events["late"] == 1
    assert process().read(b"other") == b"slow"


def test_a_lease_whose_holder_died_ends(process: Make, eventually: Callable[..., None]) -> None:
    dead, one = process(lease=0.3), process(patience=0.02)
    assert dead.store.take("k").mine
    assert one.read(b"x") == b"x" and one.events == {"late": 1}
    eventually(lambda: one.read(b"x") == b"x" and one.events["hit"])
    assert one.events["miss"] == 1


def test_a_value_from_before_an_invalidation_does_not_come_back(process: Make) -> None:
    """The reader loads, then the writer commits and forgets, then the reader stores."""
    reader, writer = process(), process()

    def load() -> bytes:
        writer.cache.forget(["k"])
        return b"old"

    assert reader.cache.read("k", load) == b"old"
    assert reader.read(b"new") == b"new"
    assert writer.read(b"newer") == b"new"


def test_nor_over_a_newer_value(process: Make) -> None:
    """As above, and somebody has read and stored the new value meanwhile."""
    reader, writer = process(), process()

    def load() -> bytes:
        writer.cache.forget(["k"])
        assert writer.read(b"new") == b"new"
        return b"old"

    reader.cache.read("k", load)
    assert reader.read(b"newest") == b"new"


def test_nor_after_all_was_forgotten(process: Make) -> None:
    reader, writer = process(), process()

    def load() -> bytes:
        writer.cache.forget_all()
        return b"old"

    reader.cache.read("k", load)
    assert reader.read(b"new") == b"new"


def test_nobody_joins_a_load_that_began_before_an_invalidation(process: Make) -> None:
    one, writer = process(), process()

    def load() -> bytes:
        writer.cache.forget(["k"])
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(one.read, b"new").result(5) == b"new"
        return b"old"

    assert one.cache.read("k", load) == b"old"
    assert one.events == {"miss": 2}


def test_nor_while_another_process_loads_anew(
    process: Make, eventually: Callable[..., None]
) -> None:
    one, other = process(), process()
    loading, go_on = threading.Event(), threading.Event()

    def load() -> bytes:
        loading.set()
        assert go_on.wait(10)
        return b"old"

    with ThreadPoolExecutor(2) as pool:
        before = pool.submit(one.cache.read, "k", load)
        assert loading.wait(10)
        other.cache.forget(["k"])
        lease = other.store.take("k").lease
        after = pool.submit(one.read, b"own")
        eventually(lambda: one.store.asked >= 3)
        go_on.set()
        assert before.result() == b"old"
        assert other.store.keep("k", lease, b"new")
        assert after.result() == b"new"


def test_a_load_that_fails_is_not_remembered_and_keeps_nobody_waiting(process: Make) -> None:
    one = process()

    def fail() -> bytes:
        raise LookupError("no such thing")

    for _ in range(2):
        with pytest.raises(LookupError):
            one.cache.read("k", fail)
    assert one.read(b"x") == b"x"
    assert one.events == {"miss": 3}


def test_a_load_longer_than_its_lease_is_not_remembered(
    process: Make, client: Any, eventually: Callable[..., None]
) -> None:
    one = process(lease=0.02)

    def load() -> bytes:
        eventually(lambda: not client.exists(one.store._keys("k")[0]))
        return b"x"

    assert one.cache.read("k", load) == b"x"
    assert one.read(b"y") == b"y"
