"""The process's connections to other services, and what is known of their health."""

import os
import threading
from http.cookiejar import DefaultCookiePolicy

import requests
from requests.adapters import HTTPAdapter

from chassis.circuit_breaker import CircuitBreaker

# At least as many as threads of a web process times its parallel calls, or connections are thrown
# away after each use.
_CONNECTIONS = 32

_lock = threading.Lock()
_session: requests.Session | None = None
_breakers: dict[str, CircuitBreaker] = {}


def session() -> requests.Session:
    """Return the process's session; made on first use, so after any fork.

    It keeps no cookies: one user's would be sent with the next one's request. It reads neither
    proxies nor `.netrc` from the environment, and knows no retries of its own.
    """
    global _session
    with _lock:
        if _session is None:
            _session = _create()
        return _session


def breaker(base_url: str) -> CircuitBreaker:
    """Return the process's circuit breaker for `base_url`."""
    with _lock:
        return _breakers.setdefault(base_url, CircuitBreaker())


def _create() -> requests.Session:
    made = requests.Session()
    made.trust_env = False
    made.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    # Compression costs more than it saves between neighbours, and a bomb needs no defusing.
    made.headers.update({"Accept": "application/json", "Accept-Encoding": "identity"})
    adapter = HTTPAdapter(pool_connections=16, pool_maxsize=_CONNECTIONS, max_retries=0)
    made.mount("http://", adapter)
    made.mount("https://", adapter)
    return made


def _forget() -> None:
    global _lock, _session
    # Two processes on one inherited socket would read each other's answers, and the lock may have
    # been held by a thread that does not exist here.
    _lock = threading.Lock()
    _session = None
    _breakers.clear()


os.register_at_fork(after_in_child=_forget)
