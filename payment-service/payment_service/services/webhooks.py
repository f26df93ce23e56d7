"""Webhooks of providers: authentic, recent, and each with its effect once."""

import hashlib
import hmac
import logging
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from chassis import clock
from chassis.base_model import new_id
from chassis.exceptions import ServiceError
from payment_service.models.errors import SignatureInvalid, WebhookStale
from payment_service.models.webhooks import ReceivedWebhook
from payment_service.services.confirmations import confirm_payment, refuse_confirmation

logger = logging.getLogger(__name__)

_HEADER = re.compile(r"t=(?P<time>[0-9]{1,12})(?P<signatures>(,v1=[0-9a-f]{64}){1,5})")

# Stripe, the most patient one, sends a webhook again for three days.
_REMEMBERED = timedelta(days=7)


class Receipt(StrEnum):
    PROCESSED = "processed"
    IGNORED = "ignored"
    REPLAYED = "replayed"


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """A verified webhook."""

    provider: str
    webhook_id: str
    type: str
    payment_id: UUID


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """Return the value of `Webhook-Signature` for a body sent at `timestamp` (Unix seconds)."""
    return f"t={timestamp},v1={_digest(secret, timestamp, body)}"


def _digest(secret: str, timestamp: int, body: bytes) -> str:
    return hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


def verify(secret: str, header: str, body: bytes, *, now: datetime, tolerance: int) -> None:
    """Check who sent `body` and when. tolerance: seconds. Several `v1` allow a change of secret.

    Raises SignatureInvalid, WebhookStale. Source: Stripe's scheme, https://docs.stripe.com/webhooks.
    """
    match = _HEADER.fullmatch(header)
    if match is None:
        raise SignatureInvalid
    timestamp = int(match["time"])
    expected = _digest(secret, timestamp, body)
    given = [part.removeprefix("v1=") for part in match["signatures"].split(",") if part]
    # No early exit, and each comparison in constant time.
    if sum(hmac.compare_digest(expected, signature) for signature in given) == 0:
        raise SignatureInvalid
    # The time is part of what was signed; it is judged only after the signature.
    if abs(now.timestamp() - timestamp) > tolerance:
        raise WebhookStale


def receive_webhook(session: Session, webhook: Webhook) -> Receipt:
    """Let the webhook have its effect, once.

    What does not fit the payment's state is remembered and ignored: another try would not help.
    Locks: the webhook's id, then the payment. Enqueues: payments.execute.
    """
    row = {
        "provider": webhook.provider,
        "webhook_id": webhook.webhook_id,
        "type": webhook.type,
    }
    fresh = insert(ReceivedWebhook).values(id=new_id(), **row).on_conflict_do_nothing()
    if session.execute(fresh.returning(ReceivedWebhook.id)).first() is None:
        return Receipt.REPLAYED
    try:
        if webhook.type == "action.completed":
            confirm_payment(session, webhook.payment_id, owner=None)
        elif webhook.type == "action.failed":
            refuse_confirmation(session, webhook.payment_id)
        else:
            return Receipt.IGNORED
    except ServiceError as error:
        logger.warning("webhook ignored", extra={"type": webhook.type, "code": error.code})
        return Receipt.IGNORED
    return Receipt.PROCESSED


def forget_webhooks(session: Session) -> None:
    """Delete the ids of webhooks that are a week old."""
    old = ReceivedWebhook.created_at < clock.now() - _REMEMBERED
    session.execute(delete(ReceivedWebhook).where(old))
