"""Workers and brokers that are lost while somebody waits, on both brokers."""

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from chassis.rpc.errors import CallInterrupted, CallTimeout, CallUnavailable
from chassis.rpc.link import connect_link
from chassis.rpc.remote import remote
from platform_cli.ports import free_port
from platform_cli.stores import valkey
from platform_cli.stores.launch import started

Eventually = Callable[..., None]
WORKER = Path(__file__).with_name("worker_to_kill.py")


@contextmanager
def worker(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, str(WORKER), *arguments])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_call_of_a_killed_worker_is_run_again_only_where_that_is_declared(
    silent_target: Any, tmp_path: Path, eventually: Eventually
) -> None:
    arguments = (silent_target.url, silent_target.name, str(tmp_path))

    def traces() -> set[str]:
        return {path.name for path in tmp_path.iterdir()}

    with ThreadPoolExecutor(2) as pool, worker(*arguments) as first:
        eventually(silent_target.is_known, timeout=20)
        once = pool.submit(silent_target.task("once", timeout=20))
        again = pool.submit(silent_target.task("again", timeout=20))
        eventually(lambda: len(traces()) == 2)
        with worker(*arguments) as second:
            first.send_signal(signal.SIGKILL)
            with pytest.raises(CallInterrupted) as caught:
                once.result()
            assert again.result() == second.pid
    assert caught.value.code == "rpc.interrupted"
    assert traces() == {f"once-{first.pid}", f"again-{first.pid}", f"again-{second.pid}"}


def test_call_waits_for_a_worker_that_comes_in_time_and_is_not_run_by_one_that_comes_late(
    silent_target: Any, eventually: Eventually
) -> None:
    def run_while(work: Callable[[], None]) -> None:
        stop = threading.Event()
        thread = threading.Thread(target=silent_target.receive, args=(stop,))
        thread.start()
        work()
        stop.set()
        thread.join(20)

    run_while(lambda: eventually(silent_target.is_known))
    with pytest.raises(CallTimeout):
        silent_target.task("note", timeout=0.2)("late")
    with ThreadPoolExecutor(1) as pool:
        early = pool.submit(silent_target.task("add", timeout=10), 2)
        run_while(lambda: eventually(early.done))
        assert early.result() == 3
    assert silent_target.seen == []


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_broker_that_is_away_is_told_at_once_and_without_its_password(scheme: str) -> None:
    link = connect_link(f"{scheme}://user:s3cret@127.0.0.1:1/")
    for use in (remote("orders.add", link=link), remote("orders.add", link=link).send):
        began = time.monotonic()
        with pytest.raises(CallUnavailable) as caught:
            use(1)
        assert time.monotonic() - began < 2
        assert (caught.value.status, caught.value.code) == (503, "rpc.unavailable")
        assert "s3cret" not in caught.value.message
    link.close()


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_broker_that_says_nothing_holds_nobody_longer_than_the_timeout(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        link = connect_link(f"{scheme}://user:s3cret@127.0.0.1:{server.getsockname()[1]}/")
        began = time.monotonic()
        with pytest.raises(CallUnavailable):
            remote("orders.add", timeout=0.3, link=link)(1)
        assert 0.3 <= time.monotonic() - began < 1.5
        link.close()


def test_calls_go_on_when_redis_has_come_back_empty(
    target_on: Callable[[str], Any], tmp_path: Path, eventually: Eventually
) -> None:
    port = free_port()

    @contextmanager
    def redis(folder: Path) -> Iterator[str]:
        server = valkey.Valkey(folder, port, "secret")
        server.prepare()
        with started(server.command(), server.ready, folder / "log"):
            yield server.url

    with redis(tmp_path / "first") as url:
        target, stop = target_on(url), threading.Event()
        thread = threading.Thread(target=target.receive, args=(stop,), daemon=True)
        thread.start()
        eventually(target.is_known)
        assert target.task("add")(1) == 2
    with pytest.raises(CallUnavailable):
        target.task("add", timeout=1)(1)
    with redis(tmp_path / "second"):
        eventually(target.is_known, timeout=20)
        assert target.task("add")(1) == 2
        stop.set()
        thread.join(20)


def test_nothing_stays_in_redis_for_ever(
    target_on: Callable[[str], Any], redis_url: str, eventually: Eventually
) -> None:
    """Neither a reply that comes too late, nor calls that no worker takes."""
    target, stop, client = target_on(redis_url), threading.Event(), Redis.from_url(redis_url)
    thread = threading.Thread(target=target.receive, args=(stop,))
    thread.start()
    eventually(target.is_known)
    with pytest.raises(CallTimeout):
        target.task("wait", timeout=0.2)("slow")
    target.go_on.set()
    stop.set()
    thread.join(20)
    with pytest.raises(CallTimeout):
        target.task("note", timeout=0.2)("nobody")
    eventually(lambda: not client.keys(f"*{target.name}*") and not client.keys("rpc.reply:*"))
    client.close()
