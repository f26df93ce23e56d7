"""Text that may lie in an outbox, a broker or a table, and that only our services can read."""

from base64 import urlsafe_b64encode
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def seal(plain: str, secret: str, *, purpose: str) -> str:
    """Encrypt and authenticate `plain` with a key derived from `secret` (`SECRET_KEY`).

    purpose: what the text is, such as `verification`; text sealed for one purpose does not open
    for another. The result is ASCII and different each time. Source: the Fernet specification,
    RFC 5869 (HKDF).
    """
    return _cipher(secret, purpose).encrypt(plain.encode()).decode("ascii")


def unseal(sealed: str, secret: str, *, purpose: str) -> str:
    """Return what was sealed with the same secret for the same purpose.

    Raises ValueError for anything else: damaged, forged, or of another secret or purpose.
    """
    try:
        return _cipher(secret, purpose).decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise ValueError("sealed with another secret or for another purpose, or damaged") from None


@lru_cache(maxsize=32)
def _cipher(secret: str, purpose: str) -> Fernet:
    # Each purpose has a key of its own, so that no text can be passed off as one of another kind.
    derived = HKDF(SHA256(), length=32, salt=None, info=f"chassis.sealing:{purpose}".encode())
    return Fernet(urlsafe_b64encode(derived.derive(secret.encode())))
