import hmac
from typing import Any

from flask import Response, request

from chassis.app import settings
from chassis.auth import public, roles_required
from chassis.database import transaction
from chassis.exceptions import NotFound
from chassis.routing import ApiBlueprint
from notification_service.models.errors import ReceiptRejected
from notification_service.providers.port import ReceiptRefused, SmsProvider
from notification_service.schemas.receipts import ReceiptUrlSchema
from notification_service.services.receipts import receipt_secret, receive
from notification_service.wiring import policy, providers

blp = ApiBlueprint(
    "receipts",
    __name__,
    url_prefix="/api/notifications/receipts",
    description="What providers report of SMS",
)

_BODY = {
    "description": "As the provider's documentation has it",
    "required": True,
    "content": {
        "application/json": {"schema": {}, "example": []},
        "application/x-www-form-urlencoded": {
            "schema": {"type": "object"},
            "example": {"MessageSid": "SM1", "MessageStatus": "delivered"},
        },
    },
}


_URL = [
    {"in": "path", "name": "provider", "example": "twilio"},
    {"in": "path", "name": "secret", "example": "3q2-7wAAAAB"},
]


def _secret(provider: str) -> str:
    key = settings().receipt_secret or settings().secret_key
    return receipt_secret(key, provider)


def _provider(name: str, secret: str) -> SmsProvider:
    """Return the provider whose URL this is; raises NotFound, which tells nobody why."""
    # Compared first and always, so that the time tells nothing of which providers there are.
    right = hmac.compare_digest(_secret(name).encode(), secret.encode())
    found = next((one for one in providers() if one.name == name), None)
    if not right or found is None:
        raise NotFound
    return found


@blp.route("/<string:provider>/<string:secret>", methods=["POST"], parameters=_URL)
@public
@blp.doc(requestBody=_BODY)
@blp.response(
    200,
    {"type": "string", "examples": [""]},
    content_type="text/plain",
    message="Receipts taken, in the words that the provider expects",
)
@blp.alt_response(
    200,
    schema={"type": "object", "examples": [{"code": 0, "msg": "ok"}]},
    content_type="application/json",
)
@blp.raises(ReceiptRejected)
def post_receipts(provider: str, secret: str) -> Response:
    """Take what a provider reports; the same report again changes nothing.

    The URL holds a secret of each provider, and where a provider signs, its signature counts too.
    """
    asked = _provider(provider, secret)
    url = f"{policy().url}{request.full_path.rstrip('?')}"
    try:
        told = asked.read_receipts(dict(request.headers), request.get_data(), url)
    except ReceiptRefused:
        raise ReceiptRejected from None
    with transaction() as session:
        receive(session, asked.name, told)
    body, content_type = asked.receipt_answer
    return Response(body, content_type=content_type)


@blp.route("/urls", methods=["GET"])
@roles_required("admin")
@blp.response(200, ReceiptUrlSchema(many=True), message="Receipt URLs")
def list_urls() -> list[dict[str, Any]]:
    """List the URLs to enter at the providers; they are secret."""
    base = f"{policy().url}/api/notifications/receipts"
    return [
        {"provider": one.name, "url": f"{base}/{one.name}/{_secret(one.name)}"}
        for one in providers()
    ]
