"""How often a password may be guessed.

Three bounds, all counted over failures and all answered with 429 and Retry-After:

- one account from one address: after `FREE_ATTEMPTS` failures each further attempt has to wait,
  1 s, then 2 s, 4 s ... `LONGEST_DELAY`; a right password clears it;
- one account from everywhere: `account_limit` failures an hour (NIST SP 800-63B section 3.2.2);
- one address against all accounts: `address_limit` failures an hour (password spraying).

An attempt is charged to the two limits before the password is checked, and refunded if it was
right, so that a parallel burst cannot slip through between check and count; the delay starts with
failures that are known, so that one person's devices may log in at the same time.

Counters live in Redis, shared by all processes. While Redis is down each process counts for itself:
the bounds are multiplied by the number of processes, and never gone.
"""

import hashlib
import ipaddress
import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage, Storage

from chassis.exceptions import TooManyRequests
from user_service.models.users import InvalidCredentials

logger = logging.getLogger(__name__)
T = TypeVar("T")

FREE_ATTEMPTS = 5
LONGEST_DELAY = 900
WINDOW = 3600
# How long one process leaves Redis alone after it failed, so that not every login waits for it.
_PAUSE = 5.0


class TooManyAttempts(TooManyRequests):
    """Too many failed attempts; wait before you try again."""

    code = "users.too_many_attempts"


class LoginThrottle:
    """Bound the guesses at passwords; see the module."""

    def __init__(self, redis_url: str, *, account_limit: int, address_limit: int) -> None:
        # Opens no connection. Short time-outs: a login must not hang because Redis does.
        self._redis = RedisStorage(
            redis_url, wrap_exceptions=True, socket_timeout=0.5, socket_connect_timeout=0.5
        )
        self._memory: Storage | None = None
        self._making = threading.Lock()
        self._redis_rests_until = 0.0
        self._account_limit = account_limit
        self._address_limit = address_limit

    @contextmanager
    def attempt(self, account: str, address: str) -> Iterator[None]:
        """Charge an attempt; keep the charge only if the block raises InvalidCredentials.

        account: anything that names the account, known or not; stored as a hash.
        address: of the client. Raises TooManyAttempts.
        """
        keys = _Keys(account, address)
        self._charge(keys)
        try:
            yield
        except InvalidCredentials:
            self._add(keys.by_pair)
            raise
        except BaseException:
            self._refund(keys.by_address, keys.by_account)
            raise
        else:
            self._refund(keys.by_address)
            for key in (keys.by_account, keys.by_pair, keys.turn):
                self._clear(key)

    def forgive(self, account: str, address: str) -> None:
        """Forget the failed attempts at an account, which was got back by other means.

        address: of the client, which need not wait for its next attempt.
        """
        keys = _Keys(account, address)
        for key in (keys.by_account, keys.by_pair, keys.turn):
            self._clear(key)

    def _charge(self, keys: "_Keys") -> None:
        charged: list[str] = []
        try:
            self._count(keys.by_address, self._address_limit, charged)
            self._count(keys.by_account, self._account_limit, charged)
            self._take_turn(keys)
        except TooManyAttempts:
            # What was refused was not tried: it must not use up what is allowed later.
            self._refund(*charged)
            logger.warning("login throttled", extra={"account": keys.account_digest})
            raise

    def _count(self, key: str, limit: int, charged: list[str]) -> None:
        charged.append(key)
        if self._add(key) > limit:
            raise TooManyAttempts(retry_after=self._remaining(key))

    def _take_turn(self, keys: "_Keys") -> None:
        failures = self._on_store(lambda store: store.get(keys.by_pair))
        if failures < FREE_ATTEMPTS:
            return
        delay = min(2 ** (failures - FREE_ATTEMPTS), LONGEST_DELAY)
        if self._add(keys.turn, seconds=delay) > 1:
            raise TooManyAttempts(retry_after=self._remaining(keys.turn))

    def _refund(self, *charged: str) -> None:
        for key in charged:
            self._add(key, amount=-1)

    def _remaining(self, key: str) -> int:
        return math.ceil(self._on_store(lambda store: store.get_expiry(key)) - time.time())

    def _add(self, key: str, *, seconds: int = WINDOW, amount: int = 1) -> int:
        return self._on_store(lambda store: store.incr(key, seconds, amount))

    def _clear(self, key: str) -> None:
        self._on_store(lambda store: store.clear(key))

    def _on_store(self, command: Callable[[Storage], T]) -> T:
        """Run a command on Redis, or on this process's memory while Redis is away."""
        if time.monotonic() >= self._redis_rests_until:
            try:
                return command(self._redis)
            except StorageError:
                self._redis_rests_until = time.monotonic() + _PAUSE
                logger.warning("login throttle counts in memory, redis is not available")
        return command(self._fallback())

    def _fallback(self) -> Storage:
        # Made on first use: it starts a thread, which must not happen before gunicorn forks.
        with self._making:
            if self._memory is None:
                self._memory = MemoryStorage()
            return self._memory


class _Keys:
    """The counters of one attempt. Account names are hashed: Redis holds no e-mail addresses."""

    def __init__(self, account: str, address: str) -> None:
        self.account_digest = hashlib.sha256(account.encode()).hexdigest()[:32]
        network = _network(address)
        self.by_account = f"login:account:{self.account_digest}"
        self.by_address = f"login:address:{network}"
        self.by_pair = f"login:pair:{self.account_digest}:{network}"
        self.turn = f"login:turn:{self.account_digest}:{network}"


def _network(address: str) -> str:
    """Return what one client holds of the network: an IPv4 address, or an IPv6 /64."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped or ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
