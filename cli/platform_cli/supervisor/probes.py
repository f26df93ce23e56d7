"""Readiness questions that are asked beside the supervisor's loop, which must never wait."""

import http.client
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing


def answers_http(port: int, path: str, timeout: float = 3.0) -> Callable[[], bool]:
    """Return a probe that is true when GET of the path answers 200; timeout in seconds."""

    def probe() -> bool:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)) as connection:
            try:
                connection.request("GET", path)
                return connection.getresponse().status == 200
            except (OSError, http.client.HTTPException):
                return False

    return probe


def first(once: Callable[[], bool], then: Callable[[], bool]) -> Callable[[], bool]:
    """Return a probe that is `once` until that was true, and `then` for ever after."""
    passed = False

    def probe() -> bool:
        nonlocal passed
        if not passed:
            passed = once()
            return passed
        return then()

    return probe


class Probes:
    """At most one question a process under way; answers are picked up by the loop."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=8, thread_name_prefix="probe")
        self._asked: dict[str, tuple[int, Future[bool]]] = {}

    def ask(self, name: str, pid: int, ready: Callable[[], bool]) -> None:
        """Put the question unless the last one to this process is still open."""
        if name not in self._asked:
            self._asked[name] = (pid, self._pool.submit(ready))

    def answer(self, name: str, pid: int) -> bool | None:
        """Return the answer if it has come, None if not or if it is about an earlier process.

        Raises what the probe raised.
        """
        asked = self._asked.get(name)
        if asked is None or not asked[1].done():
            return None
        del self._asked[name]
        return asked[1].result() if asked[0] == pid else None

    def close(self) -> None:
        """Forget open questions; their threads end with their timeouts."""
        self._pool.shutdown(wait=False, cancel_futures=True)
