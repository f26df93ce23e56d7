"""Signing of access tokens (RFC 9068 in spirit: RS256, `iss aud sub exp iat jti sid roles`)."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask_jwt_extended import JWTManager, create_access_token

from user_service.models.access_tokens import ACCESS_TOKEN_SECONDS, AccessGrant
from user_service.services.keyring import LoadedKey


@dataclass(frozen=True)
class _Subject:
    """Flask-JWT-Extended's identity: it hands it to every loader, so the key comes along.

    A key looked up by the loaders themselves could change between header and signature.
    """

    grant: AccessGrant
    key: LoadedKey


def configure_signing(manager: JWTManager) -> None:
    """Teach Flask-JWT-Extended, which the chassis set up to verify, how to sign."""
    manager.user_identity_loader(lambda subject: str(subject.grant.user_id))
    manager.encode_key_loader(lambda subject: subject.key.private_key)
    manager.additional_headers_loader(lambda subject: {"kid": subject.key.kid})
    manager.additional_claims_loader(_claims)


def sign_access_token(grant: AccessGrant, key: LoadedKey) -> str:
    """Return the encoded token, valid for `ACCESS_TOKEN_SECONDS`."""
    lifetime = timedelta(seconds=ACCESS_TOKEN_SECONDS)
    token: str = create_access_token(_Subject(grant, key), expires_delta=lifetime)
    return token


def _claims(subject: _Subject) -> dict[str, Any]:
    grant = subject.grant
    return {
        "jti": str(grant.token_id),
        "sid": str(grant.session_id),
        "roles": [grant.role],
        # `iat` has whole seconds; a revocation must not refuse the token made right after it.
        "iat_ms": int(grant.issued_at.timestamp() * 1000),
    }
