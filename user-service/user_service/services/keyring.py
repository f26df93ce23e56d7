"""The signing keys as loaded objects, in each process."""

import threading
import time
from dataclasses import dataclass
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from chassis import clock
from user_service.models.signing_keys import KeyState, SigningKey
from user_service.services.signing_keys import (
    KeyPolicy,
    Transaction,
    ensure_usable_key,
    rotate_due_key,
    rotate_key,
    unretired_keys,
)

# Far below the time between publishing a key and signing with it.
_RELOAD_SECONDS = 30.0


@dataclass(frozen=True)
class LoadedKey:
    """A private key, parsed: parsing PEM costs 40 ms, signing 0.2 ms."""

    kid: str
    private_key: rsa.RSAPrivateKey


class Keyring:
    """Which key signs now, and which keys verifiers must know; reads the table every 30 s."""

    def __init__(self, transaction: Transaction, cipher: Fernet, policy: KeyPolicy) -> None:
        self._cipher = cipher
        self._policy = policy
        self._transaction = transaction
        self._loading = threading.Lock()
        self._rows: list[SigningKey] = []
        self._loaded: dict[str, LoadedKey] = {}
        self._read_at = float("-inf")

    def signing_key(self) -> LoadedKey:
        """Return the newest active key that can be decrypted; make one if there is none."""
        key = self._newest_usable()
        if key is None:
            ensure_usable_key(self._transaction, self._cipher)
            self.forget()
            key = self._newest_usable()
        assert key is not None, "a key was just made"
        return key

    def public_keys(self) -> list[dict[str, Any]]:
        """Return the JWKs of all keys that a valid token can carry, or soon will (RFC 7517)."""
        now = clock.now()
        return [key.public_jwk for key in self._known() if key.state(now) is not KeyState.RETIRED]

    def rotate(self) -> SigningKey:
        """Publish a new key, whatever the age of the newest one; see `rotate_key`."""
        key = rotate_key(self._transaction, self._cipher, self._policy)
        self.forget()
        return key

    def rotate_if_due(self) -> SigningKey | None:
        """Publish a new key if the newest one is old enough; see `rotate_due_key`."""
        key = rotate_due_key(self._transaction, self._cipher, self._policy)
        self.forget()
        return key

    def forget(self) -> None:
        """Read the table again at the next use."""
        self._read_at = float("-inf")

    def _newest_usable(self) -> LoadedKey | None:
        now = clock.now()
        active = [key for key in self._known() if key.state(now) is KeyState.ACTIVE]
        newest_first = sorted(active, key=lambda key: (key.activates_at, key.id), reverse=True)
        return next(filter(None, map(self._load, newest_first)), None)

    def _known(self) -> list[SigningKey]:
        if self._stale():
            with self._loading:
                if self._stale():
                    self._read()
        return self._rows

    def _stale(self) -> bool:
        return time.monotonic() - self._read_at > _RELOAD_SECONDS

    def _read(self) -> None:
        with self._transaction() as session:
            rows = list(unretired_keys(session))
            for row in rows:
                # Kept beyond this session, whose rollback would empty what is still attached.
                session.expunge(row)
        self._rows, self._read_at = rows, time.monotonic()

    def _load(self, key: SigningKey) -> LoadedKey | None:
        if key.kid not in self._loaded:
            try:
                pem = self._cipher.decrypt(key.private_pem_encrypted)
            except InvalidToken:
                return None  # SECRET_KEY was replaced; `ensure_usable_key` says what happens then.
            private_key = load_pem_private_key(pem, password=None)
            assert isinstance(private_key, rsa.RSAPrivateKey)
            self._loaded[key.kid] = LoadedKey(key.kid, private_key)
        return self._loaded[key.kid]
