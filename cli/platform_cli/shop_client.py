"""The platform as a client sees it: the gateway's API, with retries that are safe."""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import requests

# Answers after which the same request, with its idempotency key, may be sent again (RFC 9110).
TRY_AGAIN = {409: "idempotency_in_flight", 429: None, 502: None, 503: None, 504: None}


class ApiError(Exception):
    """The platform refused a request: `status`, `code` and `message` are those of its envelope.

    The status is 0 where there was no answer.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status, self.code, self.message = status, code, message
        super().__init__(f"{status} {code}: {message}" if status else message)


@dataclass
class Traffic:
    """What was sent and how it went: statuses, and seconds by kind of request; thread-safe."""

    statuses: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def record(self, kind: str, status: str, seconds: float) -> None:
        """Count one answer; `status` is its number, or `no answer`."""
        with self._lock:
            self.statuses[status] += 1
            self.seconds.setdefault(kind, []).append(seconds)


class ShopClient:
    """Calls the gateway at `base_url`. patience: seconds to keep trying while something is down."""

    def __init__(self, base_url: str, *, patience: float = 90.0, traffic: Traffic | None = None):
        self.base_url = base_url.rstrip("/")
        self.patience = patience
        self.traffic = traffic or Traffic()
        self._local = threading.local()

    def call(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        json: Any = None,
        data: bytes | None = None,
        headers: dict[str, str] | None = None,
        key: str | None = None,
        harmless: bool = False,
        wait: int = 0,
        kind: str = "",
        timeout: float = 30.0,
    ) -> Any:
        """Send a request and return `data` of its answer.

        Sent again after a failure of the platform only when that is safe: a GET, with a `key`, or
        where the caller says that a second one is `harmless`.
        Raises ApiError for a refusal, and when `patience` is over.
        """
        sent = {**(headers or {}), **({"Authorization": f"Bearer {token}"} if token else {})}
        if key:
            sent["Idempotency-Key"] = key
        if wait:
            sent["Prefer"] = f"wait={wait}"
        deadline, pause = time.monotonic() + self.patience, 0.1
        while True:
            answer = self._send(method, path, sent, json, data, kind or f"{method} {path}", timeout)
            if isinstance(answer, dict) and answer.get("success"):
                return answer["data"]
            error = self._error(answer)
            safe = method == "GET" or key is not None or harmless
            if not (safe and self._passes(error)) or time.monotonic() > deadline:
                raise error
            time.sleep(pause)
            pause = min(pause * 2, 2.0)

    def _passes(self, error: ApiError) -> bool:
        if error.status == 0:
            return True
        return error.status in TRY_AGAIN and TRY_AGAIN[error.status] in (None, error.code)

    def _send(
        self, method: str, path: str, headers: Any, json: Any, data: Any, kind: str, timeout: float
    ) -> Any:
        started = time.perf_counter()
        status = "no answer"
        try:
            response = self._session().request(
                method, self.base_url + path, headers=headers, json=json, data=data, timeout=timeout
            )
            status = str(response.status_code)
            return response.json() | {"status": response.status_code}
        except (requests.RequestException, ValueError) as error:
            return error
        finally:
            self.traffic.record(kind, status, time.perf_counter() - started)

    @staticmethod
    def _error(answer: Any) -> ApiError:
        if isinstance(answer, dict):
            fields = "; ".join(f"{e['field']}: {e['message']}" for e in answer.get("errors", []))
            message = answer.get("message", "") + (f" ({fields})" if fields else "")
            return ApiError(answer["status"], answer.get("code", ""), message)
        return ApiError(0, "no_answer", f"the gateway gives no answer ({type(answer).__name__})")

    def _session(self) -> requests.Session:
        # One keep-alive connection for each thread; requests' sessions are not thread-safe.
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            self._local.session.trust_env = False
        session: requests.Session = self._local.session
        return session

    def login(self, email: str, password: str, staff: str | None = None) -> str:
        """Sign in and return the access token.

        staff: a token of staff, for whom the gateway's limits make room: many people sign in from
        the one address of a tool.
        """
        body = {"email": email, "password": password}
        path = "/api/users/login"
        answer = self.call("POST", path, token=staff, json=body, harmless=True, kind="log in")
        return str(answer["access_token"])

    def pages(self, path: str, token: str | None = None, **query: Any) -> list[dict[str, Any]]:
        """Return all items of a list, page by page."""
        items: list[dict[str, Any]] = []
        for page in range(1, 10_000):
            found = self.call(
                "GET",
                f"{path}?{urlencode({**query, 'page': page, 'per_page': 100})}",
                token=token,
                kind=f"GET {path}",
            )
            items += found
            if len(found) < 100:
                break
        return items
