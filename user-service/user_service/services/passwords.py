"""Argon2id hashing that costs the same for every login and never more memory than it may."""

import base64
import os
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from chassis.exceptions import ServiceUnavailable

# OWASP Password Storage Cheat Sheet: the smallest recommended Argon2id setting.
MEMORY_KIB, PASSES, LANES = 19456, 2, 1
_SALT_BYTES, _HASH_BYTES = 16, 32


class PasswordsBusy(ServiceUnavailable):
    """Too many logins at once."""

    code = "users.busy"


class Passwords:
    """Hash and check passwords, at most `concurrency` at the same time.

    Each hash holds 19 MiB and one core, so an unbounded number of logins would exhaust both.
    wait: seconds that a caller queues for its turn before it is told to come back.
    Callers hold no database transaction meanwhile: a hash takes longer than a row lock may.
    """

    def __init__(self, *, concurrency: int, wait: float = 3.0) -> None:
        self._hasher = PasswordHasher(PASSES, MEMORY_KIB, LANES, _HASH_BYTES, _SALT_BYTES)
        self._turns = threading.BoundedSemaphore(concurrency)
        self._wait = wait
        self._decoy = _decoy_hash()

    def hash(self, password: str) -> str:
        """Return the encoded hash with parameters and a fresh salt. Raises PasswordsBusy."""
        with self._turn():
            return self._hasher.hash(_normalized(password))

    def matches(self, stored: str | None, password: str) -> bool:
        """Tell whether the password is right; None (no such account) costs the same and is not.

        Raises PasswordsBusy.
        """
        with self._turn():
            try:
                self._hasher.verify(stored or self._decoy, _normalized(password))
            except (VerificationError, InvalidHashError):
                return False
        return stored is not None

    def outdated(self, stored: str) -> bool:
        """Tell whether a stored hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._turns.acquire(timeout=self._wait):
            raise PasswordsBusy(retry_after=2)
        try:
            yield
        finally:
            self._turns.release()


def _normalized(password: str) -> str:
    # NIST SP 800-63B section 3.1.1.2: the same keys give the same bytes on every device.
    return unicodedata.normalize("NFKC", password)


def _decoy_hash() -> str:
    """Return a well-formed hash that no password matches, at no cost: its digest is random."""
    salt, digest = (
        base64.b64encode(os.urandom(size)).decode().rstrip("=")
        for size in (_SALT_BYTES, _HASH_BYTES)
    )
    return f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${salt}${digest}"
