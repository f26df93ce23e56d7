"""Calls to another service: bounded in time, size and number, in the caller's name."""

import contextvars
import logging
import math
import random
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
import requests
import urllib3
from flask import g, has_app_context

from chassis import http_pool
from chassis.auth import principal
from chassis.circuit_breaker import CircuitBreaker
from chassis.exceptions import BadGateway, GatewayTimeout, ServiceError, ServiceUnavailable
from chassis.request_id import HEADER as REQUEST_ID
from chassis.request_id import current_request_id
from chassis.service_answers import data_of
from chassis.tracing import HEADER as TRACEPARENT
from chassis.tracing import current_traceparent

T = TypeVar("T")
logger = logging.getLogger(__name__)

# RFC 9110 section 9.2.2: the effect of sending these twice is that of sending them once.
_IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE"})
_CHUNK_BYTES = 65_536
_FAN_OUT_THREADS = 8


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one call may cost besides its time-outs.

    total: seconds of all attempts and pauses together. retries: attempts after the first, of
    idempotent calls only. max_bytes: of the answer. pause, max_pause: seconds, the bounds of the
    growing and randomised wait before a retry.
    """

    total: float = 6.0
    retries: int = 2
    max_bytes: int = 4 * 1024 * 1024
    pause: float = 0.05
    max_pause: float = 0.5


_DEFAULT_LIMITS = Limits()


class ServiceClient:
    """A client of one service, shared by threads; make it once.

    name: for messages and logs. base_url: one, or several instances separated by commas, which
    take turns. timeout: seconds to connect and to read, of each attempt. All clients of a process
    share one connection pool, and one breaker for each base URL.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        timeout: tuple[float, float] = (1.0, 3.0),
        limits: Limits = _DEFAULT_LIMITS,
        breaker: Callable[[str], CircuitBreaker] = http_pool.breaker,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._base_urls = [url.strip().rstrip("/") for url in base_url.split(",") if url.strip()]
        if not self._base_urls:
            raise ValueError(f"{name} needs a base URL")
        self._timeout = timeout
        self._limits = limits
        self._breaker = breaker
        self._sleep = sleep
        self._monotonic = monotonic

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """Return the `data` of what `path` answers; as `request` otherwise."""
        return self.request("GET", path, params=params)

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> Any:
        """Call the service and return the `data` of its envelope, None for an empty answer.

        Calls that may be sent twice (GET, HEAD, PUT, DELETE, or with a key) are retried after a
        failed connection, a time-out or a 5xx; not after 503, which says itself when to come back.

        Raises the ServiceError of its 4xx with the same code; ServiceUnavailable when it cannot be
        reached or says so; GatewayTimeout; BadGateway for any answer that is not ours.
        """
        if not path.startswith("/") or ".." in path:
            # requests resolves `..`: an id out of user input could reach another route.
            raise ValueError("path must be absolute and hold no ..")
        body = None if json is None else orjson.dumps(json)
        call = _Call(method.upper(), path, params, body, idempotency_key)
        retryable = call.method in _IDEMPOTENT or idempotency_key is not None
        deadline = self._monotonic() + self._limits.total
        attempts = 1 + (self._limits.retries if retryable else 0)
        for attempt in range(1, attempts + 1):
            try:
                return self._attempt(call, deadline)
            except (BadGateway, GatewayTimeout, _Unreachable) as error:
                pause = random.uniform(0, self._longest_pause(attempt))
                if attempt == attempts or self._monotonic() + pause >= deadline:
                    raise
                logger.info(
                    "service call retried",
                    extra={"service_called": self.name, "attempt": attempt, "code": error.code},
                )
                self._sleep(pause)
        raise AssertionError("unreachable")

    def _longest_pause(self, attempt: int) -> float:
        # Full jitter: callers that failed together do not come back together.
        growing: float = self._limits.pause * 2 ** (attempt - 1)
        return min(self._limits.max_pause, growing)

    def _attempt(self, call: "_Call", deadline: float) -> Any:
        base_url, breaker = self._pick()
        left = max(0.001, deadline - self._monotonic())
        try:
            status, headers, body = self._exchange(base_url, call, left, deadline)
            data = data_of(self.name, status, headers, body)
        except ServiceError as error:
            # A 4xx is an answer: the service is well.
            if error.status >= 500:
                breaker.failed()
            else:
                breaker.succeeded()
            raise
        breaker.succeeded()
        return data

    def _pick(self) -> tuple[str, CircuitBreaker]:
        start = random.randrange(len(self._base_urls))
        soonest = math.inf
        for base_url in self._base_urls[start:] + self._base_urls[:start]:
            breaker = self._breaker(base_url)
            if breaker.allow():
                return base_url, breaker
            soonest = min(soonest, breaker.retry_after())
        raise ServiceUnavailable(
            f"{self.name} is not available",
            code="circuit_open",
            retry_after=math.ceil(soonest),
        )

    def _exchange(
        self, base_url: str, call: "_Call", left: float, deadline: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        try:
            response = http_pool.session().request(
                call.method,
                base_url + call.path,
                params=call.params,
                data=call.body,
                headers=call.headers(),
                timeout=(min(self._timeout[0], left), min(self._timeout[1], left)),
                allow_redirects=False,
                stream=True,
            )
            with response:
                return response.status_code, response.headers, self._read(response, deadline)
        except (requests.Timeout, urllib3.exceptions.TimeoutError) as error:
            raise GatewayTimeout(f"{self.name} did not answer in time") from error
        except requests.ConnectionError as error:
            raise _Unreachable(f"{self.name} is not available") from error
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise BadGateway(f"{self.name} gave an answer that cannot be read") from error

    def _read(self, response: requests.Response, deadline: float) -> bytes:
        # The time-out is one of each read; a body that drips in is ended by the deadline.
        parts: list[bytes] = []
        size = 0
        while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=True):
            size += len(chunk)
            if size > self._limits.max_bytes:
                raise BadGateway(f"{self.name} answered more than {self._limits.max_bytes} bytes")
            if self._monotonic() > deadline:
                raise GatewayTimeout(f"{self.name} did not answer in time")
            parts.append(chunk)
        return b"".join(parts)


class _Unreachable(ServiceUnavailable):
    """No connection came about, so that another attempt can be made at once."""


@dataclass(frozen=True)
class _Call:
    method: str
    path: str
    params: Mapping[str, Any] | None
    body: bytes | None
    idempotency_key: str | None

    def headers(self) -> dict[str, str]:
        """Return the headers that carry identity, ids and format."""
        token = principal().token if has_app_context() and "principal" in g else None
        found = {
            "Content-Type": None if self.body is None else "application/json",
            "Idempotency-Key": self.idempotency_key,
            REQUEST_ID: current_request_id(),
            TRACEPARENT: current_traceparent(),
            "Authorization": f"Bearer {token}" if token else None,
        }
        return {name: value for name, value in found.items() if value is not None}


def fan_out(
    calls: Mapping[str, Callable[[], T]], timeout: float = 5.0
) -> dict[str, T | ServiceError]:
    """Run `calls` at the same time; returns for each name its result, or why there is none.

    Each runs in a thread with this context (request id, caller, app), so it must not touch the
    database: a session belongs to one thread. timeout: seconds for all together; what is late
    becomes GatewayTimeout, and its thread ends with the limits of its own call.
    """
    pool = ThreadPoolExecutor(min(max(1, len(calls)), _FAN_OUT_THREADS), "fan-out")
    try:
        futures = {
            name: pool.submit(contextvars.copy_context().run, call) for name, call in calls.items()
        }
        done, _late = wait(futures.values(), timeout=timeout)
        results: dict[str, T | ServiceError] = {}
        for name, future in futures.items():
            if future not in done:
                results[name] = GatewayTimeout(f"{name} did not answer in time")
                continue
            error = future.exception()
            results[name] = future.result() if error is None else _expected(name, error)
        return results
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _expected(name: str, error: BaseException) -> ServiceError:
    if isinstance(error, ServiceError):
        return error
    logger.error("fan-out call failed", extra={"call": name}, exc_info=error)
    return ServiceError(f"{name} could not be asked")
