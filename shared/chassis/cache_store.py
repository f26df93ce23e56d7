"""What a cache keeps in Redis: entries, leases, and the generations that make both worthless.

An entry or a lease begins with the generations it was made in, one of its key and one of the whole
cache. Forgetting writes a new generation, which no entry of before can have, whatever version of
the code wrote it. Whoever misses takes a lease before loading, and may only store what was loaded
under a lease that still stands and whose generations still hold: a value read before a commit never
comes back after that commit's invalidation (Nishtala et al., Scaling Memcache at Facebook, 3.2.1).
"""

import random
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

# KEYS: the entry, the generation of its key, the generation of the cache.
_GENERATIONS = """
local of_key, of_all = redis.call('GET', KEYS[2]) or '', redis.call('GET', KEYS[3]) or ''
local seen = of_key .. '.' .. of_all .. '\\n'
"""
# ARGV: token, milliseconds.
_TAKE = f"""{_GENERATIONS}
local found = redis.call('GET', KEYS[1])
if found and string.sub(found, 2, 1 + #seen) == seen then return found end
local lease = 'L' .. seen .. ARGV[1]
redis.call('SET', KEYS[1], lease, 'PX', ARGV[2])
return lease
"""
# ARGV: lease, value, milliseconds.
_KEEP = f"""{_GENERATIONS}
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if string.sub(ARGV[1], 2, 1 + #seen) ~= seen then return 0 end
redis.call('SET', KEYS[1], 'V' .. seen .. ARGV[2], 'PX', ARGV[3])
return 1
"""
# ARGV: lease.
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end"

_LONGEST_TTL = 3600.0


@dataclass(frozen=True, slots=True)
class Found:
    """What stands under a key: a value, somebody's lease, or nothing; mine: the lease is ours."""

    value: bytes | None = None
    lease: bytes = b""
    mine: bool = False


NOTHING = Found()


class Store:
    """One cache's keys; every method is one round trip and raises redis.RedisError.

    version: of the values' shape; entries of another one are never seen. ttl, lease: seconds.
    """

    def __init__(
        self, client: Any, name: str, *, version: str, ttl: float, jitter: float, lease: float
    ) -> None:
        self._client = client
        self._entries = f"cache:{name}:{version}:"
        # Without the version: in a rolling deployment both sides forget each other's entries.
        self._generations = f"cache:{name}:generation:"
        self._ttl, self._jitter, self._lease = ttl, jitter, lease
        # A generation outlives every entry of before, also of a version with another ttl.
        self._life_ms = int(max(_LONGEST_TTL, ttl + 2 * lease) * 1000)
        self._take = client.register_script(_TAKE)
        self._keep = client.register_script(_KEEP)
        self._release = client.register_script(_RELEASE)

    def peek(self, key: str) -> Found:
        """Return the value of `key`, if there is one of the current generations."""
        entry, of_key, of_all = self._client.mget(self._keys(key))
        if entry is None:
            return NOTHING
        head = b"V%b.%b\n" % (of_key or b"", of_all or b"")
        return Found(entry[len(head) :]) if entry.startswith(head) else NOTHING

    def take(self, key: str) -> Found:
        """Return the value of `key`, another's lease, or a new lease of ours."""
        token = secrets.token_hex(8)
        found: bytes = self._take(self._keys(key), [token, int(self._lease * 1000)])
        if found.startswith(b"V"):
            return Found(found.partition(b"\n")[2])
        return Found(lease=found, mine=found.endswith(b"\n" + token.encode()))

    def keep(self, key: str, lease: bytes, value: bytes) -> bool:
        """Store what was loaded under `lease`; False where that does not stand any more."""
        # Entries that were made together do not expire together.
        seconds = self._ttl * (1 - self._jitter * random.random())
        return bool(self._keep(self._keys(key), [lease, value, max(1, int(seconds * 1000))]))

    def release(self, key: str, lease: bytes) -> bool:
        """Give a lease back without a value."""
        return bool(self._release(self._keys(key)[:1], [lease]))

    def forget(self, keys: Iterable[str]) -> bool:
        """Make the entries and leases of `keys` worthless, of all versions; "" is all keys."""
        with self._client.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.set(self._generations + key, secrets.token_hex(8), px=self._life_ms)
            pipe.execute()
        return True

    def _keys(self, key: str) -> list[str]:
        return [self._entries + key, self._generations + key, self._generations]
