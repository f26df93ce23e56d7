"""The public keys for whoever verifies tokens, and their rotation."""

from flask import Response

from chassis.auth import public, roles_required
from chassis.response import json_bytes
from chassis.routing import ApiBlueprint
from user_service.models.signing_keys import SigningKey
from user_service.schemas.signing_keys import SigningKeySchema
from user_service.wiring import ports

# As long as the chassis' own verifiers keep it; a new key is published for longer before it signs.
_CACHE_SECONDS = 300

_JWK = {
    "kty": "RSA",
    "kid": "2026-03-02-a1b2c3",
    "use": "sig",
    "alg": "RS256",
    "n": "u1SU1LfVLPHCozMxH2Mo4lgOEePzNm0tRgeLezV6ffAt0gunVTLw7onLRnrq0_IzW7yWR7QkrmBL7jTKEn5u-qKh",
    "e": "AQAB",
}
_MEMBER = {"type": "string"}
_JWKS = {
    "type": "object",
    "required": ["keys"],
    "properties": {
        "keys": {
            "type": "array",
            "items": {
                "type": "object",
                "required": sorted(_JWK),
                "properties": dict.fromkeys(_JWK, _MEMBER),
                "examples": [_JWK],
            },
        }
    },
}

blueprint = ApiBlueprint("keys", __name__, url_prefix="/api/users/keys", description="Signing keys")
well_known = ApiBlueprint("jwks", __name__, url_prefix="/.well-known", description="Key set")


@well_known.route("/jwks.json", methods=["GET"])
@public
@well_known.response(200, _JWKS, message="The key set")
def get_jwks() -> Response:
    """Read the key set (RFC 7517), bare of our envelope: other people's libraries read it too."""
    document = json_bytes({"keys": ports().keyring.public_keys()})
    headers = {"Cache-Control": f"public, max-age={_CACHE_SECONDS}"}
    return Response(document, headers=headers, mimetype="application/json")


@blueprint.route("/rotate", methods=["POST"])
@roles_required("admin")
@blueprint.response(201, SigningKeySchema, message="Key published")
def post_rotation() -> SigningKey:
    """Publish a new signing key now; it signs from `activates_at` on, its predecessors retire."""
    keyring = ports().keyring
    return keyring.rotate()
