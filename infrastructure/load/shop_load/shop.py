"""The platform's API as a customer uses it; every answer is counted."""

import threading
import time
from collections import Counter
from typing import Any

import requests


class Refused(Exception):
    """An answer that was not the expected one; it is counted already."""


class Figures:
    """Answers by kind and status, and seconds by kind; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.answers: Counter[tuple[str, str]] = Counter()
        self.seconds: dict[str, list[float]] = {}

    def count(self, kind: str, status: str, seconds: float) -> None:
        """Count one answer."""
        with self._lock:
            self.answers[kind, status] += 1
            self.seconds.setdefault(kind, []).append(seconds)

    def lines(self, elapsed: float) -> list[str]:
        """Return a table: for each kind how many, how many a second, how long, which statuses."""
        rows = [f"{'':10} {'number':>7} {'1/s':>7} {'p50 ms':>7} {'p99 ms':>7}  answers"]
        for kind, seconds in sorted(self.seconds.items()):
            ordered = sorted(seconds)
            p50, p99 = (ordered[int(len(ordered) * part)] * 1000 for part in (0.5, 0.99))
            statuses = {s: n for (k, s), n in sorted(self.answers.items()) if k == kind}
            said = ", ".join(f"{number} x {status}" for status, number in statuses.items())
            rate = len(ordered) / elapsed
            rows.append(f"{kind:10} {len(ordered):>7} {rate:>7.1f} {p50:>7.0f} {p99:>7.0f}  {said}")
        return rows

    def failures(self) -> int:
        """Return how many answers were the platform's fault: 5xx, or none at all."""
        return sum(number for (_, status), number in self.answers.items() if status[0] in "5n")


class Shop:
    """One caller with a connection of its own. Use it as a context manager."""

    def __init__(self, url: str, figures: Figures, token: str = "") -> None:
        self.url, self.figures, self.token = url.rstrip("/"), figures, token
        self._session = requests.Session()
        self._session.trust_env = False

    def __enter__(self) -> "Shop":
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def call(
        self, kind: str, method: str, path: str, body: Any = None, key: str | None = None
    ) -> Any:
        """Send a request and return `data` of the answer; raises Refused for any other than 2xx."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if key:
            headers |= {"Idempotency-Key": key, "Prefer": "wait=10"}
        started = time.perf_counter()
        status = "no answer"
        try:
            answer = self._session.request(
                method, self.url + path, json=body, headers=headers, timeout=30
            )
            status = str(answer.status_code)
            document = answer.json()
        except (requests.RequestException, ValueError) as error:
            raise Refused(f"{method} {path}: {type(error).__name__}") from error
        finally:
            self.figures.count(kind, status, time.perf_counter() - started)
        if not answer.ok:
            raise Refused(f"{method} {path}: {status} {document.get('code')}")
        return document["data"]

    def login(self, email: str, password: str) -> str:
        """Sign in and return the access token."""
        body = {"email": email, "password": password}
        return str(self.call("log in", "POST", "/api/users/login", body)["access_token"])
