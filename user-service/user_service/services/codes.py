"""What a database may know of codes and receivers: digests under keys derived from `SECRET_KEY`."""

import hashlib
import hmac
from uuid import UUID

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from chassis.sealing import seal
from user_service.models.verifications import Purpose


class Codes:
    """Makes digests and seals.

    Plain hashes would not do: there are a million codes, and not many more phone numbers.
    """

    def __init__(self, secret_key: str) -> None:
        self._secret_key = secret_key
        self._of_codes = _derive(secret_key, b"user-service verification codes")
        self._of_receivers = _derive(secret_key, b"user-service verification receivers")

    def digest_code(self, verification_id: UUID, purpose: Purpose, code: str) -> bytes:
        """Return what is stored of a code; another verification or purpose gives another digest."""
        return _mac(self._of_codes, f"{verification_id}:{purpose.value}:{code}")

    def digest_receiver(self, receiver: str) -> bytes:
        """Return what is stored of a canonical e-mail address or E.164 number."""
        return _mac(self._of_receivers, receiver)

    def seal(self, secret: str) -> str:
        """Encrypt a code or token for the service that sends it."""
        return seal(secret, self._secret_key, purpose="verification")


def digest_token(token: str) -> bytes:
    """Return what is stored of a reset token. A plain hash does: 128 random bits are no guess."""
    return hashlib.sha256(token.encode()).digest()


def _derive(secret_key: str, purpose: bytes) -> bytes:
    return HKDF(SHA256(), length=32, salt=None, info=purpose).derive(secret_key.encode())


def _mac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
