from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from flask import request

from chassis import clock
from chassis.app import settings
from chassis.auth import public
from chassis.database import transaction
from chassis.routing import ApiBlueprint
from payment_service.models.errors import SignatureInvalid, WebhookStale
from payment_service.schemas.webhooks import ReceiptSchema, WebhookSchema
from payment_service.services.webhooks import Webhook, receive_webhook, verify

P = ParamSpec("P")
R = TypeVar("R")

blp = ApiBlueprint(
    "webhooks", __name__, url_prefix="/api/payments/webhooks", description="News from providers"
)


def signed(view: Callable[P, R]) -> Callable[P, R]:
    """Refuse what the sandbox did not sign; its raw bytes are checked before they are parsed."""

    @wraps(view)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        verify(
            settings().sandbox_webhook_secret,
            request.headers.get("Webhook-Signature", ""),
            request.get_data(),
            now=clock.now(),
            tolerance=settings().webhook_tolerance,
        )
        return view(*args, **kwargs)

    return checked


@blp.route("/sandbox", methods=["POST"])
@public
@signed
@blp.arguments(WebhookSchema)
@blp.response(200, ReceiptSchema, message="Webhook received")
@blp.raises(SignatureInvalid, WebhookStale)
def sandbox_webhook(body: dict[str, Any]) -> dict[str, str]:
    """Receive news of the sandbox, signed as `Webhook-Signature: t=<unix>,v1=<hex>`.

    The signature is HMAC-SHA256 over `<t>.<body>` and valid for 5 minutes. A webhook that was seen
    before is answered with 200 and has no effect.
    """
    webhook = Webhook(
        provider="sandbox",
        webhook_id=body["id"],
        type=body["type"],
        payment_id=body["data"]["payment_id"],
    )
    with transaction() as session:
        return {"result": receive_webhook(session, webhook)}
