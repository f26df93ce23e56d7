"""What providers report by webhook: stored as said, once, and applied to its message."""

import hmac
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from chassis.base_model import new_id
from notification_service.models.messages import Message
from notification_service.models.receipts import StoredReceipt
from notification_service.providers.port import ErrorClass, Receipt
from notification_service.services.outcomes import learn

logger = logging.getLogger(__name__)

_PARKED_FOR = timedelta(days=3)
_BATCH = 500


def receipt_secret(key: str, provider: str) -> str:
    """Return the part of a provider's receipt URL that only the provider is told."""
    return hmac.new(key.encode(), f"receipts:{provider}".encode(), sha256).hexdigest()[:40]


def receive(session: Session, provider: str, receipts: Sequence[Receipt]) -> int:
    """Store receipts and apply those that are new; return how many were.

    One whose message is not found is parked: the answer to our call may not be written yet.
    Locks: the messages, in the order of their ids.
    """
    fresh = [
        (_message_of(session, provider, receipt), receipt_id, receipt)
        for receipt in receipts
        if (receipt_id := _store(session, provider, receipt)) is not None
    ]
    for message_id, receipt_id, receipt in sorted(fresh, key=lambda one: str(one[0])):
        if message_id is not None:
            _apply(session, message_id, receipt_id, receipt)
    parked = sum(message_id is None for message_id, _, _ in fresh)
    counts = {"provider": provider, "told": len(receipts), "fresh": len(fresh), "parked": parked}
    logger.info("receipts received", extra=counts)
    return len(fresh)


def match_parked(session: Session, now: datetime) -> int:
    """Apply parked receipts whose message is known by now; return how many.

    Locks: the receipts, SKIP LOCKED; then the messages.
    """
    parked = session.scalars(
        select(StoredReceipt)
        .where(StoredReceipt.message_id.is_(None), StoredReceipt.created_at > now - _PARKED_FOR)
        .order_by(StoredReceipt.created_at.desc())
        .limit(_BATCH)
        .with_for_update(skip_locked=True)
    ).all()
    found = []
    for stored in parked:
        receipt = _as_said(stored)
        message_id = _message_of(session, stored.provider, receipt)
        if message_id is not None:
            found.append((message_id, stored.id, receipt))
    for message_id, receipt_id, receipt in sorted(found, key=lambda one: str(one[0])):
        _apply(session, message_id, receipt_id, receipt)
    return len(found)


def _store(session: Session, provider: str, receipt: Receipt) -> UUID | None:
    part, parts = receipt.part or (0, 1)
    row: dict[str, Any] = {
        "id": new_id(),
        "provider": provider,
        "provider_id": receipt.provider_id[:150],
        "receiver": receipt.receiver or "",
        "part": part,
        "parts": parts,
        "state": receipt.state,
        "code": receipt.code[:100],
        "kind": receipt.kind.value if receipt.kind else None,
        "said_at": receipt.at,
        "our_id": receipt.message_id[:64] if receipt.message_id else None,
    }
    stored = insert(StoredReceipt).values(**row).on_conflict_do_nothing()
    return session.scalar(stored.returning(StoredReceipt.id))


def _message_of(session: Session, provider: str, receipt: Receipt) -> UUID | None:
    """Return the message that a receipt is about: ours where the provider echoes it, or its own."""
    by_id = select(Message.id).where(Message.provider == provider)
    if receipt.message_id:
        try:
            ours = UUID(receipt.message_id)
        except ValueError:
            return None
        return session.scalar(by_id.where(Message.id == ours))
    if not receipt.provider_id:
        return None
    by_id = by_id.where(Message.provider_id == receipt.provider_id)
    if receipt.receiver:
        by_id = by_id.where(Message.receiver == receipt.receiver)
    return session.scalar(by_id.limit(1))


def _apply(session: Session, message_id: UUID, receipt_id: UUID, receipt: Receipt) -> None:
    session.execute(
        update(StoredReceipt).where(StoredReceipt.id == receipt_id).values(message_id=message_id)
    )
    if receipt.part is not None and receipt.state == "delivered":
        # A long message has arrived when all of its parts have.
        arrived = session.scalar(
            select(func.count(StoredReceipt.part.distinct())).where(
                StoredReceipt.message_id == message_id, StoredReceipt.state == "delivered"
            )
        )
        if int(arrived or 0) < receipt.part[1]:
            return
    learn(session, message_id, receipt)


def _as_said(stored: StoredReceipt) -> Receipt:
    return Receipt(
        provider_id=stored.provider_id,
        receiver=stored.receiver or None,
        state=stored.state,  # type: ignore[arg-type]
        code=stored.code,
        at=stored.said_at,
        message_id=stored.our_id,
        part=(stored.part, stored.parts) if stored.part else None,
        kind=ErrorClass(stored.kind) if stored.kind else None,
    )
