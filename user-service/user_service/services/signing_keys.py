"""Rotation of the signing keys: publish, wait until every verifier knows the key, sign, retire."""

import base64
import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from jwt.algorithms import RSAAlgorithm
from sqlalchemy import delete, or_, select, text
from sqlalchemy.orm import Session

from chassis import clock
from user_service.models.access_tokens import ACCESS_TOKEN_SECONDS
from user_service.models.signing_keys import KeyState, SigningKey, newest_active

logger = logging.getLogger(__name__)
Transaction = Callable[[], AbstractContextManager[Session]]

# Verifiers' clocks may be behind ours by this much.
_CLOCK_SKEW_SECONDS = 60
_RETIRED_KEYS_KEPT = timedelta(days=7)


@dataclass(frozen=True)
class KeyPolicy:
    """When keys change.

    publish_seconds: wait between publishing and signing. rotation_seconds: age of a key to replace.
    """

    publish_seconds: int
    rotation_seconds: int


@dataclass(frozen=True)
class KeyPair:
    """A new key pair, ready to be stored."""

    kid: str
    public_jwk: dict[str, Any]
    private_pem_encrypted: bytes


def derive_cipher(secret_key: str) -> Fernet:
    """Return the cipher for private keys at rest, from `SECRET_KEY` (HKDF, RFC 5869)."""
    derived = HKDF(hashes.SHA256(), 32, salt=None, info=b"user-service signing keys")
    return Fernet(base64.urlsafe_b64encode(derived.derive(secret_key.encode())))


def encrypt_pair(cipher: Fernet, key: rsa.RSAPrivateKey) -> KeyPair:
    """Return a key pair as it is stored; its `kid` is the key's thumbprint (RFC 7638)."""
    jwk = {
        name: RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)[name]
        for name in ("e", "kty", "n")
    }
    canonical = json.dumps(jwk, separators=(",", ":"), sort_keys=True).encode()
    kid = base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).decode().rstrip("=")
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return KeyPair(kid, {**jwk, "kid": kid, "use": "sig", "alg": "RS256"}, cipher.encrypt(pem))


def rotate_key(transaction: Transaction, cipher: Fernet, policy: KeyPolicy) -> SigningKey:
    """Publish a new key; it signs after `policy.publish_seconds`, its predecessors retire later.

    The very first key signs at once: no token exists that a verifier could know another key from.
    Locks: the table of keys, against other rotations.
    """
    pair = _new_pair(cipher)
    with transaction() as session:
        keys = _lock_unretired(session)
        return _publish(session, pair, keys, _next_activation(keys, policy))


def rotate_due_key(
    transaction: Transaction, cipher: Fernet, policy: KeyPolicy
) -> SigningKey | None:
    """Rotate if the newest key is older than `policy.rotation_seconds`; safe with several callers.

    Locks: the table of keys, against other rotations.
    """
    with transaction() as session:
        if not _due(unretired_keys(session), policy):
            return None
    # Made outside the transaction: it takes a few hundred milliseconds of CPU.
    pair = _new_pair(cipher)
    with transaction() as session:
        keys = _lock_unretired(session)
        if not _due(keys, policy):
            return None
        return _publish(session, pair, keys, _next_activation(keys, policy))


def ensure_usable_key(transaction: Transaction, cipher: Fernet) -> None:
    """Make a key that signs at once, unless there is one that this process can decrypt.

    Needed before the first login, and after `SECRET_KEY` was replaced: tokens of the unreadable
    keys stay valid, for their public halves stay published.
    Locks: the table of keys, against other rotations.
    """
    pair = _new_pair(cipher)
    with transaction() as session:
        keys = _lock_unretired(session)
        now = clock.now()
        if any(key.state(now) is KeyState.ACTIVE and readable(cipher, key) for key in keys):
            return
        _publish(session, pair, keys, now)


def purge_retired_keys(session: Session) -> int:
    """Delete keys that retired a week ago; returns how many."""
    old = SigningKey.retires_at < clock.now() - _RETIRED_KEYS_KEPT
    return len(session.scalars(delete(SigningKey).where(old).returning(SigningKey.id)).all())


def unretired_keys(session: Session) -> Sequence[SigningKey]:
    """Return the keys that verifiers must know, oldest first."""
    published = or_(SigningKey.retires_at.is_(None), SigningKey.retires_at > clock.now())
    return session.scalars(
        select(SigningKey).where(published).order_by(SigningKey.activates_at)
    ).all()


def readable(cipher: Fernet, key: SigningKey) -> bool:
    """Tell whether `SECRET_KEY` is still the one that the key was encrypted with."""
    try:
        cipher.decrypt(key.private_pem_encrypted)
    except InvalidToken:
        return False
    return True


def _new_pair(cipher: Fernet) -> KeyPair:
    return encrypt_pair(cipher, rsa.generate_private_key(public_exponent=65537, key_size=2048))


def _lock_unretired(session: Session) -> Sequence[SigningKey]:
    # Keeps out other rotations and no reader. A numbered advisory lock could be somebody else's.
    session.execute(text("LOCK TABLE signing_keys IN SHARE ROW EXCLUSIVE MODE"))
    return unretired_keys(session)


def _due(keys: Sequence[SigningKey], policy: KeyPolicy) -> bool:
    newest = keys[-1].activates_at if keys else None
    return newest is None or clock.now() - newest >= timedelta(seconds=policy.rotation_seconds)


def _next_activation(keys: Sequence[SigningKey], policy: KeyPolicy) -> datetime:
    now = clock.now()
    wait = policy.publish_seconds if newest_active(keys, now) else 0
    return now + timedelta(seconds=wait)


def _publish(
    session: Session, pair: KeyPair, keys: Sequence[SigningKey], activates_at: datetime
) -> SigningKey:
    for predecessor in keys:
        if predecessor.retires_at is None:
            # A published one may sign later than the new one: never retire it before that.
            last_signature = max(activates_at, predecessor.activates_at)
            predecessor.retires_at = last_signature + timedelta(
                seconds=ACCESS_TOKEN_SECONDS + _CLOCK_SKEW_SECONDS
            )
    key = SigningKey(
        kid=pair.kid,
        public_jwk=pair.public_jwk,
        private_pem_encrypted=pair.private_pem_encrypted,
        activates_at=activates_at,
    )
    session.add(key)
    session.flush()
    logger.info("signing key published", extra={"kid": key.kid})
    return key
